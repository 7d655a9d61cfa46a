"""What agents, harnesses and sessions resolve to: the routes of docs/wire.md, "Layers"."""

from contextlib import suppress

from fastapi import APIRouter

from api.http.body import JsonRoute
from api.http.deps import Deps, Needs
from api.http.pages import SessionId
from api.routes.agents import Key as AgentKey
from api.routes.harnesses import Key as HarnessKey
from api.schemas.resolved import ModelChoice, OriginReply, ResolvedReply
from runtime.agents.layers import LayerReader
from runtime.agents.origins import Traced, trace
from runtime.core.authored.definition import Agent, Session
from runtime.core.authored.lineage import lineage
from runtime.core.errors import NotFoundError

router = APIRouter(prefix="/api/v1", route_class=JsonRoute)


@router.get("/agents/{agent}/resolved", tags=["agents"])
async def resolve_agent(agent: AgentKey, deps: Needs) -> ResolvedReply:
    """Return what a session of this agent would run with, and where each part came from."""
    found = await deps.stores.agents.get(agent)
    return await _resolved(deps, found.harness_id, found, None)


@router.get("/harnesses/{harness}/resolved", tags=["harnesses"])
async def resolve_harness(harness: HarnessKey, deps: Needs) -> ResolvedReply:
    """Return what a session with this harness and without an agent would run with."""
    return await _resolved(deps, (await deps.stores.harnesses.get(harness)).id, None, None)


@router.get("/sessions/{session_id}/resolved", tags=["sessions"])
async def resolve_session(session_id: SessionId, deps: Needs) -> ResolvedReply:
    """Return what the session's next turn would run with."""
    session = await deps.stores.sessions.get(session_id)
    agent = None if session.agent_id is None else await deps.stores.agents.get(session.agent_id)
    return await _resolved(deps, session.harness_id, agent, session)


async def _resolved(deps: Deps, harness_id: str, agent: Agent | None, session: Session | None) -> ResolvedReply:
    line = {harness.id: harness for harness in await LayerReader(deps.stores).line(harness_id)}
    traced = trace(lineage(harness_id, line.get), agent, session, deps.registry)
    return ResolvedReply.of(traced, await _model(deps, traced))


async def _model(deps: Deps, traced: Traced) -> ModelChoice | None:
    """Return which model answers: the innermost layer's, else the organisation's, else the server's."""
    if traced.model is not None and traced.agent.model_id is not None:
        return ModelChoice(id=traced.agent.model_id, source=OriginReply.of(traced.model))
    ours = await deps.identity.membership.organizations.get(deps.principal.org_id)
    if (chosen := ours.settings.default_model) is not None:
        with suppress(NotFoundError):  # it cannot be called any more: the server's counts until another is chosen
            source = OriginReply(kind="organization", id=ours.id, name=ours.name)
            return ModelChoice(id=await deps.models.settled(chosen), source=source)
    with suppress(NotFoundError):
        return ModelChoice(id=await deps.models.default(), source=OriginReply(kind="server"))
    return None
