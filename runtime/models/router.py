"""The one `Model` that the engine is given: it sends each request to the model that the request names."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING

from runtime.models.loading import preload
from runtime.models.simulated import PROVIDER, SimulatedModel
from runtime.models.vendors import VENDORS, Vendor
from runtime.ports.model import ModelRequest, StreamItem
from runtime.process.settings import ModelSettings

if TYPE_CHECKING:
    from runtime.models.vendor import VendorModel


class Models:
    """Every model of the catalogue. `environment` holds the vendors' keys and addresses under their usual names."""

    def __init__(self, settings: ModelSettings, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._environment = environment
        self._simulated = SimulatedModel()
        self._vendors: VendorModel | None = None

    def stream(self, request: ModelRequest) -> AsyncGenerator[StreamItem, None]:
        """Stream one answer, as `runtime.ports.model.Model` promises."""
        if request.model.provider == PROVIDER:
            return self._simulated.stream(request)
        return self._vendor_stream(request)

    def preload(self) -> None:
        """Import what the configured vendors need. Blocks for seconds: for a warm standby, in a thread."""
        if configured := self._configured():
            preload(configured)
            _vendor_model()

    async def aclose(self) -> None:
        """Close the connections to all vendors."""
        if self._vendors is not None:
            await self._vendors.aclose()
            self._vendors = None

    async def _vendor_stream(self, request: ModelRequest) -> AsyncGenerator[StreamItem, None]:
        vendors = await self._opened()
        async with aclosing(vendors.stream(request)) as items:
            async for item in items:
                yield item

    async def _opened(self) -> "VendorModel":
        if self._vendors is None:
            made = await asyncio.to_thread(_load, self._settings, self._environment)
            self._vendors = self._vendors or made
        return self._vendors

    def _configured(self) -> tuple[Vendor, ...]:
        return tuple(vendor for vendor in VENDORS if vendor.is_configured(self._environment))


def _load(settings: ModelSettings, environment: Mapping[str, str]) -> "VendorModel":
    return _vendor_model()(settings, environment)


def _vendor_model() -> "type[VendorModel]":
    from runtime.models.vendor import VendorModel  # noqa: PLC0415 - takes seconds, so not before it is needed

    return VendorModel
