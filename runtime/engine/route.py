"""Which models a call may go to: the chosen one, and those that take over one after the other when it fails."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

import structlog

from runtime.agents.composition import RuntimeAgent
from runtime.core.errors import (
    ModelRejectedError,
    ModelUnavailableError,
    NotFoundError,
    SecretUnreadableError,
    TransientError,
)
from runtime.core.event import Tried
from runtime.core.failure import ANSWER_UNUSABLE
from runtime.core.message import Controls
from runtime.engine.session import LiveSession
from runtime.ports.model import ModelRef

log = structlog.get_logger(__name__)

OPEN_RETRY_S: Final = 0.5

# What another model may do better. A limit of ours, or a request that is wrong, it would only meet again.
REROUTED: Final = frozenset({
    "provider_rate_limited", "provider_unavailable", "provider_quota_exhausted", "provider_misconfigured",
    "provider_attestation_required", "model_unavailable", "request_too_large", "invalid_tool_schema", ANSWER_UNUSABLE,
})  # fmt: skip


class Route:
    """The chain of one call.

    `opened` are models that this turn has called: it goes on with them, whatever becomes of their providers, for as
    long as their credentials are taken.
    """

    def __init__(
        self, session: LiveSession, agent: RuntimeAgent, wishes: Controls, opened: dict[str, ModelRef]
    ) -> None:
        """Raises NotFoundError if there is no such model as was chosen."""
        self._session = session
        self._models = session.services.models
        self._opened = opened
        self.first = self._models.find(session.org_id, wishes.model or wishes.model_id or agent.model_id)
        self._agent = agent

    async def open(self, ref: ModelRef) -> ModelRef:
        """Return a model with its endpoint; waits for a database that is away, as all else does.

        Raises:
            ModelRejectedError: it is gone, or its key cannot be read.
        """
        session = self._session
        while ref.is_closed and ref.id not in self._opened:
            try:
                self._opened[ref.id] = await self._models.opened(session.org_id, session.session_id, ref)
            except TransientError as err:
                log.warning("model_open_retrying", reason=str(err))
                await asyncio.sleep(OPEN_RETRY_S)
            except (NotFoundError, SecretUnreadableError) as err:
                raise ModelRejectedError(str(err), "model_unavailable") from err
        return self._opened[ref.id] if ref.is_closed else ref

    async def renewed(self, ref: ModelRef) -> ModelRef | None:
        """Return a model that refused its credentials as it is reached by now; None if that is as before."""
        known = self._opened.pop(ref.id, None)
        if known is None:
            return None
        try:
            opened = await self.open(ModelRef.kept(ref.id))
        except ModelRejectedError:  # it is gone: the refusal stands
            return None
        return opened if opened.endpoint != known.endpoint else None

    def start(self, tried: Sequence[Tried]) -> ModelRef:
        """Return the model to begin with: the first of the chain that did not fail in this call already."""
        if not tried:
            return self.first
        return self._next({each.model_id for each in tried}) or self.first

    def after(
        self, err: ModelUnavailableError | ModelRejectedError, tried: Sequence[Tried], ref: ModelRef
    ) -> "ModelRef | None":
        """Return the model that takes over from one that failed so; None if none does."""
        if err.failure not in REROUTED:
            return None
        return self._next({ref.id, *(each.model_id for each in tried)})

    def _next(self, failed: Collection[str]) -> ModelRef | None:
        if self.first.id not in failed:
            return self.first
        refs = (self._found(key) for key in self._fallbacks())
        return next((ref for ref in refs if ref is not None and ref.id not in failed), None)

    def _fallbacks(self) -> Sequence[str]:
        """Return the keys of those that take over: the layers' own, or the organisation's, or the server's."""
        session = self._session
        own = self._agent.fallback_models or self._models.fallbacks(session.org_id)
        return own or session.services.tunables.fallback_models

    def _found(self, key: str) -> ModelRef | None:
        try:
            return self._models.find(self._session.org_id, key)
        except NotFoundError as err:
            log.warning("fallback_model_unknown", model=key, error=str(err))
            return None
