"""The one `Model` that the engine is given: it sends each request to the model that the request names."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from runtime.core.inside import Network
from runtime.models import failures
from runtime.models.drivers import DRIVERS
from runtime.models.failures import Refusal
from runtime.models.gates import Gates
from runtime.models.lines import line_of
from runtime.models.loading import LOGINS, preload, preload_login, preload_prices
from runtime.models.simulated import PROVIDER, SimulatedModel
from runtime.models.vendors import VENDORS, Vendor
from runtime.ports.model import ModelRequest, StreamItem
from runtime.process.settings import ModelSettings

if TYPE_CHECKING:
    from runtime.models.dialects.lean import LeanModel
    from runtime.models.vendor import VendorModel


class Models:
    """Every model of the catalogue. `environment` holds the vendors' keys and addresses under their usual names.

    `inside` are networks that look public and are not, for providers that no administrator of the server vouches for.
    """

    def __init__(
        self,
        settings: ModelSettings,
        environment: Mapping[str, str],
        inside: Sequence[Network] = (),
        gates: Gates | None = None,
    ) -> None:
        self._settings = settings
        self._inside = inside
        self._environment = environment
        self._gates = gates
        self._simulated = SimulatedModel()
        self._lean: LeanModel | None = None
        self._others: VendorModel | None = None

    def stream(self, request: ModelRequest) -> AsyncGenerator[StreamItem, None]:
        """Stream one answer, as `runtime.ports.model.Model` promises."""
        if request.model.provider == PROVIDER:
            return self._simulated.stream(request)
        return self._vendor_stream(request)

    def preload(self) -> None:
        """Import what the configured vendors need. Blocks for a moment: for a warm standby, in a thread."""
        configured = [vendor for vendor in VENDORS if vendor.is_configured(self._environment)]
        if configured and self._lean is None:
            self._lean = _lean(self._settings, self._environment, self._inside)
        if others := [vendor for vendor in configured if self._lean and not self._lean.speaks(vendor)]:
            preload(others)
            _others(self._settings, self._environment)

    async def aclose(self) -> None:
        """Close the connections to all vendors."""
        for model in (self._lean, self._others):
            if model is not None:
                await model.aclose()
        self._lean = self._others = None

    async def _vendor_stream(self, request: ModelRequest) -> AsyncGenerator[StreamItem, None]:
        vendor = DRIVERS.get(request.model.provider)
        if vendor is None:
            unknown = failures.Party(request.model.provider, request.model.provider, "its settings")
            raise failures.failure(unknown, failures.NO_MODEL, Refusal())
        model = await self._opened(vendor)
        stream = model.stream(request)
        if self._gates is not None:
            line = line_of(request.model, self._environment)
            party = failures.party(line.vendor, line.base_url)
            if self._gates.turnstile.limits(party.endpoint):
                stream = self._gates.turnstile.pass_through(party.endpoint, request, stream)
            stream = self._gates.breakers.pass_through(party, stream)
        async with aclosing(stream) as items:
            async for item in items:
                yield item

    async def _opened(self, vendor: Vendor) -> "LeanModel | VendorModel":
        if self._lean is None:
            lean = await asyncio.to_thread(_lean, self._settings, self._environment, self._inside)
            self._lean = self._lean or lean
        if self._lean.speaks(vendor):
            if vendor.api in LOGINS:
                await preload_login(vendor)
            return self._lean
        if self._others is None:
            others = await asyncio.to_thread(_others, self._settings, self._environment)
            self._others = self._others or others
        return self._others


def _lean(settings: ModelSettings, environment: Mapping[str, str], inside: Sequence[Network]) -> "LeanModel":
    from runtime.models.dialects.lean import LeanModel  # noqa: PLC0415 - not before it is needed
    from runtime.models.dialects.transport import Transport  # noqa: PLC0415

    preload_prices()
    return LeanModel(Transport(settings, inside), environment, settings.answer_limit_bytes)


def _others(settings: ModelSettings, environment: Mapping[str, str]) -> "VendorModel":
    from runtime.models.vendor import VendorModel  # noqa: PLC0415 - takes seconds

    return VendorModel(settings, environment)
