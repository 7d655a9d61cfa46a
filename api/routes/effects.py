"""What tools did, and what a person must decide about those that a crash cut off."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.http.audit import audited
from api.http.body import JsonRoute
from api.http.deps import Deps, Needs
from api.http.pages import Limit, Offset, Page
from api.schemas.effect import DecisionBody, DecisionReply, EffectReply, PendingDecision
from runtime.core.errors import ConflictError, NotFoundError
from runtime.core.ids import parse_id
from runtime.core.session.effect import Decided, Effect, EffectState

router = APIRouter(prefix="/api/v1/durable", tags=["durable"], route_class=JsonRoute)

SessionId = Annotated[str | None, Query(pattern="^session_[0-9a-f]{32}$")]


@router.get("/sessions/{session_id}/effects")
async def list_effects(session_id: str, deps: Needs, offset: Offset = 0, limit: Limit = 20) -> Page[EffectReply]:
    """List the calls of the server's tools, newest first: intended, done, failed, unknown, waiting for a person."""
    await _check_session(deps, session_id)
    effects, total = await deps.stores.events.effects(session_id, limit, offset)
    return Page(data=[EffectReply.of(e) for e in effects], total=total, offset=offset, limit=limit)


@router.get("/sessions/{session_id}/effects/{tool_call_id:path}")
async def get_effect(session_id: str, tool_call_id: str, deps: Needs) -> EffectReply:
    """Return one call of the server's tools."""
    await _check_session(deps, session_id)
    return EffectReply.of(await _effect(deps, session_id, tool_call_id))


@router.post("/sessions/{session_id}/effects/{tool_call_id:path}/decision", openapi_extra=audited("effect.decided"))
async def decide_effect(session_id: str, tool_call_id: str, body: DecisionBody, deps: Needs) -> DecisionReply:
    """Say what became of a call that a crash cut off; once all such calls are decided, the turn goes on.

    The same decision again is answered as the first time; another one is a conflict.
    """
    await _check_session(deps, session_id)
    effect = await _effect(deps, session_id, tool_call_id)
    attempt = body.attempt or _attempt_in_question(effect)
    decided = _decision(effect, attempt)
    if decided is None and _is_asked(effect, attempt):
        await deps.gateway.submit_decision(deps.principal, session_id, body.of(tool_call_id, attempt))
        decided = _decision(await _effect(deps, session_id, tool_call_id), attempt)
    if decided is None:
        text = f"Nobody asks what became of attempt {attempt} of the call {tool_call_id!r}."
        raise ConflictError(text, "not_waiting_for_decision")
    if (decided.decision, decided.result) != (body.decision, body.result):
        text = f"It was decided at {decided.decided_at}: {decided.decision}."
        raise ConflictError(text, "already_decided")
    return DecisionReply(
        session_id=session_id,
        tool_call_id=tool_call_id,
        attempt=attempt,
        decision=decided.decision,
        decided_at=decided.decided_at,
        note=decided.note,
    )


@router.get("/decisions")
async def list_decisions(
    deps: Needs, session_id: SessionId = None, offset: Offset = 0, limit: Limit = 20
) -> Page[PendingDecision]:
    """List what waits for a person, longest waiting first."""
    pending = await deps.stores.events.pending_decisions(session_id)
    shown = [PendingDecision.of(event) for event in pending[offset : offset + limit]]
    return Page(data=shown, total=len(pending), offset=offset, limit=limit)


async def _check_session(deps: Deps, session_id: str) -> None:
    if await deps.stores.events.head(parse_id("session", session_id)) is None:
        raise NotFoundError(kind="session", key=session_id)


async def _effect(deps: Deps, session_id: str, tool_call_id: str) -> Effect:
    effect = await deps.stores.events.effect(session_id, tool_call_id)
    if effect is None:
        raise NotFoundError(kind="tool_call", key=tool_call_id)
    return effect


def _is_asked(effect: Effect, attempt: int) -> bool:
    return effect.state is EffectState.AWAITING_DECISION and effect.attempts == attempt


def _attempt_in_question(effect: Effect) -> int:
    if effect.state is not EffectState.AWAITING_DECISION and effect.decisions:
        return effect.decisions[-1].attempt
    return effect.attempts


def _decision(effect: Effect, attempt: int) -> Decided | None:
    return next((d for d in effect.decisions if d.attempt == attempt), None)
