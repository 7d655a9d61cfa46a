"""Which model a session calls: the server's own by memory alone, an organisation's by what its actor has read of it.

What is remembered holds as long as a number in the database, for which is asked twice a second: so a change is here
within a second. A turn goes on with the models that it has opened (`runtime/engine/reason.py`).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog

from runtime.core.errors import NotFoundError, StoreUnavailableError
from runtime.core.ids import is_id
from runtime.models.catalogue import Catalogue
from runtime.ports.model import Endpoint, ModelRef
from runtime.ports.providers import API_KEY, Endpoints, Opening, Policy
from runtime.ports.secrets import Secrets
from runtime.ports.turnstile import CallLimits
from runtime.process.failpoint import Loop, stumble

log = structlog.get_logger(__name__)

CHECK_S: Final = 0.5
KEPT_MOST: Final = 1_000
NOTHING_SAID: Final = Policy()


class Directory:
    """The engine's `Models`. `watch` must go on for as long as it is asked.

    `secrets` are a provider's, given on behalf of a session of the same organisation; `limit` is told the limits of all
    organisations' providers whenever they may have changed.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        endpoints: Endpoints,
        secrets: Callable[[str, str, str], Secrets],
        limit: Callable[[Mapping[str, CallLimits]], None],
    ) -> None:
        self._catalogue = catalogue
        self._endpoints = endpoints
        self._secrets = secrets
        self._limit = limit
        self._revision = 0
        self._policies: Mapping[str, Policy] = {}
        self._opened: dict[tuple[str, str], ModelRef] = {}

    def find(self, org_id: str, key: str | None) -> ModelRef:
        """Return the model for a settled key, or the organisation's default. Raises NotFoundError."""
        policy = self._policies.get(org_id, NOTHING_SAID)
        if key is None:
            return self._default(policy)
        ref = self._found(key)
        if ref.provider_id in policy.disabled or ref.id in policy.disabled:
            raise NotFoundError("model", key)
        return ref

    def fallbacks(self, org_id: str) -> Sequence[str]:
        """Return the keys of the models that take over in an organisation."""
        return self._policies.get(org_id, NOTHING_SAID).fallbacks

    async def opened(self, org_id: str, session_id: str, ref: ModelRef) -> ModelRef:
        """Return a kept model with its endpoint. Raises NotFoundError or StoreUnavailableError."""
        known = self._opened.get((org_id, ref.id))
        if known is not None:
            return known
        while True:
            revision = self._revision
            opening = await self._endpoints.opening(org_id, ref.id)
            if opening is None:
                raise NotFoundError("model", ref.id)
            opened = await self._open(org_id, session_id, opening)
            if revision == self._revision:  # else it may be older than what was just found to have changed
                break
        if len(self._opened) >= KEPT_MOST:
            self._opened.clear()
        self._opened[org_id, ref.id] = opened
        return opened

    async def watch(self) -> None:
        """Keep what is remembered true; for ever."""
        is_away = False
        while True:
            stumble(Loop.MODELS)
            try:
                await self.catch_up()
            except StoreUnavailableError as err:
                if not is_away:
                    log.warning("models_not_checked", reason=err.reason)
                is_away = True
            else:
                is_away = False
            await asyncio.sleep(CHECK_S)

    async def catch_up(self) -> None:
        """Forget what was read, and read again what is needed at once, if anything has changed."""
        revision = await self._endpoints.revision()
        if revision != self._revision:
            self._policies = await self._endpoints.policies()
            self._limit(await self._endpoints.limits())
            self._revision = revision
            self._opened.clear()

    def _default(self, policy: Policy) -> ModelRef:
        if policy.default is not None:
            ref = self._found(policy.default)
            if ref.provider_id not in policy.disabled and ref.id not in policy.disabled:
                return ref
        return self._catalogue.default(policy.disabled)

    def _found(self, key: str) -> ModelRef:
        return ModelRef.kept(key) if is_id("model", key) else self._catalogue.find(key)

    async def _open(self, org_id: str, session_id: str, opening: Opening) -> ModelRef:
        api_key = None
        if opening.has_key:
            api_key = await self._secrets(org_id, session_id, opening.provider_id).reveal(API_KEY)
        endpoint = Endpoint(
            opening.type, opening.provider_name, opening.base_url, api_key, opening.is_trusted, opening.details
        )
        return ModelRef(
            opening.model_id, opening.type, opening.name, opening.provider_id, is_default=False, endpoint=endpoint
        )
