"""One of two models that are asked the same, without a network."""

import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from runtime.core.errors import ModelUnavailableError
from runtime.models.dialects.lean import LeanModel
from runtime.models.vendor import VendorModel
from runtime.ports.model import ModelRequest, StreamItem

Answer = tuple[int, Mapping[str, str], tuple[bytes, ...]]  # status, headers, the body in pieces


class Side(ABC):
    """A model of all vendors, which reaches nobody and hears what it is given."""

    def __init__(self, model: VendorModel | LeanModel) -> None:
        self._model = model
        self._answer: Answer = (200, {}, ())

    async def body(self, request: ModelRequest) -> Any:
        """Return what is sent for a request, as JSON is read."""
        with contextlib.suppress(ModelUnavailableError):  # for nothing is no answer
            await self.items(request, [])
        return json.loads(self._last_body())

    async def items(
        self,
        request: ModelRequest,
        pieces: Iterable[bytes],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> list[StreamItem]:
        """Return what comes of an answer whose body arrives in these pieces. Raises what the port raises."""
        self._answer = status, headers or {}, tuple(pieces)
        return [item async for item in self._model.stream(request)]

    @abstractmethod
    def _last_body(self) -> bytes: ...
