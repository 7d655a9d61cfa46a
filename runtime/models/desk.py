"""What front doors ask of providers: which types there are, what is known of their models, and what they list."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from runtime.core.errors import ForbiddenError
from runtime.core.inside import Network
from runtime.models import failures
from runtime.models.credentials import blanks, kept
from runtime.models.drivers import (
    AZURE,
    BEDROCK,
    COMPATIBLE,
    DRIVERS,
    MAKEABLE,
    VERTEX,
    driver_of,
    needs_address,
    needs_key,
)
from runtime.models.info import described_info, provider_key
from runtime.models.lines import line_to
from runtime.models.lists import questions
from runtime.models.loading import preload, preload_login
from runtime.models.simulated import PROVIDER
from runtime.models.vendors import VENDORS, Api
from runtime.ports.catalogue import LISTED_AT, ModelInfo
from runtime.ports.model import Endpoint
from runtime.ports.providers import Credentials, Driver, Found, KeptModel, Provider
from runtime.process.settings import ModelSettings

if TYPE_CHECKING:
    from runtime.models.dialects.transport import Transport

_INSTRUCTIONS: Final = {
    AZURE.type: "Give the endpoint of the resource, and add its deployments as models by their names.",
    COMPATIBLE.type: "Give the address that ends before `/chat/completions`, such as `http://127.0.0.1:11434/v1`. "
    "Servers of your own (vLLM, Ollama, LM Studio) often need no key.",
    BEDROCK.type: "Give a region, and an access key that may invoke models and list them, or an API key of Bedrock's.",
    VERTEX.type: "Give the JSON key of a service account that may use Vertex AI (the role `Vertex AI User`).",
}
_KEY_OF: Final = "Make an API key in the console of {name} and paste it here."
_MOST_FOUND: Final = 2_000


class ProviderDesk:
    """Belongs to one event loop (`runtime.ports.providers.Desk`)."""

    def __init__(
        self, settings: ModelSettings, environment: Mapping[str, str], inside: Sequence[Network], now: datetime
    ) -> None:
        self._settings = settings
        self._environment = environment
        self._inside = inside
        self._now = now
        self._transport: Transport | None = None
        self._prepared: set[str] = set()

    def drivers(self) -> Sequence[Driver]:
        """Return the types that people may make."""
        return [
            Driver(
                type=vendor.type,
                name=vendor.name,
                needs_address=needs_address(vendor),
                blanks=blanks(vendor),
                instructions=_INSTRUCTIONS.get(vendor.type, _KEY_OF.format(name=vendor.name)),
            )
            for vendor in MAKEABLE
        ]

    async def credentials(self, type_: str, given: Mapping[str, str], before: Mapping[str, str]) -> Credentials:
        """Return what is given for a type of provider, as it is kept. Raises InvalidInputError."""
        driver = DRIVERS[type_]
        if driver.api is Api.VERTEX:  # whose key is tried, which takes a while
            return await asyncio.to_thread(kept, driver, given, before)
        return kept(driver, given, before)

    def built_in(self) -> Sequence[Provider]:
        """Return the server's own providers: those of the environment, and the simulated one."""
        configured = [vendor for vendor in VENDORS if vendor.is_configured(self._environment)]
        own = [_built_in(vendor.type, vendor.name, has_key=True) for vendor in configured]
        return [*own, _built_in(PROVIDER, "Simulated", has_key=False)]

    async def prepare(self, providers: Sequence[Provider]) -> None:
        """Load what is known of their models."""
        drivers = {driver.type: driver for driver in (driver_of(p.type, p.base_url) for p in providers)}
        missing = [driver for type_, driver in drivers.items() if type_ not in self._prepared]
        if missing:
            await asyncio.to_thread(preload, missing)
            self._prepared |= {driver.type for driver in missing}

    def described(self, provider: Provider, model: KeptModel) -> ModelInfo:
        """Return what there is to say about a model."""
        driver = driver_of(provider.type, provider.base_url)
        has_key = provider.api_key_set or not needs_key(driver, provider.base_url)
        return described_info(driver, provider, model, is_healthy=provider.is_active and has_key, now=self._now)

    async def listed(self, endpoint: Endpoint) -> Sequence[Found]:
        """Ask for a provider's models."""
        from runtime.models.dialects.dialect import RefusedError  # noqa: PLC0415 - with aiohttp, not before it is needed
        from runtime.models.dialects.lean import BROKEN  # noqa: PLC0415
        from runtime.models.dialects.refusals import broken, refusal  # noqa: PLC0415

        line = line_to(endpoint, "provider")
        party, transport = failures.party(line.vendor, line.base_url), await self._opened()
        await preload_login(line.vendor)
        found: list[Found] = []
        try:
            await line.log_in()
            for asked in questions(line):
                found += asked.read(await transport.get(asked.url, asked.headers, is_trusted=line.is_trusted))
        except RefusedError as err:
            told = refusal(err, party, line.shown)
            line.refused(err.status)
            raise told from err
        except ForbiddenError as err:
            raise failures.misled(party, str(err)) from err
        except BROKEN as err:
            raise broken(err, party) from err
        return found[:_MOST_FOUND]

    async def aclose(self) -> None:
        """Close every connection."""
        if self._transport is not None:
            await self._transport.aclose()
            self._transport = None

    async def _opened(self) -> "Transport":
        if self._transport is None:
            load = await asyncio.to_thread(_transport)
            self._transport = self._transport or load(self._settings, self._inside)
        return self._transport


def _built_in(type_: str, name: str, *, has_key: bool) -> Provider:
    return Provider(
        id=provider_key(type_),
        name=name,
        type=type_,
        is_built_in=True,
        api_key_set=has_key,
        created_at=LISTED_AT,
        updated_at=LISTED_AT,
    )


def _transport() -> "type[Transport]":
    from runtime.models.dialects.transport import Transport  # noqa: PLC0415 - not before it is needed

    return Transport
