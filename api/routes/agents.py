"""Agents: the routes of docs/wire.md, "Agents, harnesses, workspaces"."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.http.audit import audited
from api.http.body import JsonRoute
from api.http.deps import Deps, Needs
from api.http.layers import changes, definition, told
from api.http.pages import Archived, Limit, Offset, Page, Search
from api.schemas.agent import AgentBody, AgentPatch, AgentReply
from runtime.core.authored.definition import Agent, AgentDefinition
from runtime.core.errors import NotFoundError
from runtime.core.ids import parse_id

router = APIRouter(prefix="/api/v1/agents", tags=["agents"], route_class=JsonRoute)

Key = Annotated[str, Path(description="An id or a name", max_length=128)]


class AgentPage(Page[AgentReply]):
    """A page of agents, under the names that the Python and the TypeScript SDK read."""

    agents: list[AgentReply]


@router.post("", status_code=201, openapi_extra=audited("agent.saved"))
async def upsert_agent(body: AgentBody, deps: Needs, response: Response) -> AgentReply:
    """Create an agent, or update the one with that id or, without an id, with that name."""
    agent_id = None if body.id is None else parse_id("agent", body.id)
    made = definition(body, AgentDefinition, deps.registry)
    before = await _before(deps, agent_id or body.name)
    saved = await deps.authoring.save_agent(body.name, made, harness=body.harness, agent_id=agent_id)
    return _reply(before, saved, response)


@router.get("")
async def list_agents(
    deps: Needs, *, search: Search = "", include_archived: Archived = False, offset: Offset = 0, limit: Limit = 20
) -> AgentPage:
    """List agents, newest first."""
    found = await deps.stores.agents.list(search=search, include_archived=include_archived, offset=offset, limit=limit)
    replies = [AgentReply.of(agent) for agent in found.items]
    return AgentPage(
        data=replies,
        agents=replies,
        total=found.total,
        is_total_exact=found.is_total_exact,
        offset=offset,
        limit=limit,
    )


@router.get("/{agent}")
async def get_agent(agent: Key, deps: Needs) -> AgentReply:
    """Return an agent by id or name."""
    return AgentReply.of(await deps.stores.agents.get(agent))


@router.put("/{agent}", responses={201: {"model": AgentReply}}, openapi_extra=audited("agent.saved"))
async def put_agent(agent: Key, body: AgentBody, deps: Needs, response: Response) -> AgentReply:
    """Create or replace the agent with that id or name."""
    made = definition(body, AgentDefinition, deps.registry)
    before = await _before(deps, agent)
    saved = await deps.authoring.put_agent(agent, body.name, made, harness=body.harness)
    response.status_code = 200
    return _reply(before, saved, response)


@router.patch("/{agent}", openapi_extra=audited("agent.changed"))
async def patch_agent(agent: Key, body: AgentPatch, deps: Needs) -> AgentReply:
    """Change what is given; lists are replaced whole."""
    agent_id = parse_id("agent", agent)
    given = changes(body, AgentDefinition, deps.registry)
    before = await _before(deps, agent_id)
    changed = await deps.authoring.change_agent(
        agent_id, given, name=body.name, harness=body.harness, status=body.status
    )
    after = AgentReply.of(changed)
    told(before, after)
    return after


@router.delete("/{agent}", status_code=204, openapi_extra=audited("agent.archived"))
async def delete_agent(agent: Key, deps: Needs) -> None:
    """Archive an agent; an archived one is deleted."""
    await deps.stores.agents.archive(parse_id("agent", agent))


async def _before(deps: Deps, key: str) -> AgentReply | None:
    try:
        return AgentReply.of(await deps.stores.agents.get(key))
    except NotFoundError:
        return None


def _reply(before: AgentReply | None, saved: tuple[Agent, bool], response: Response) -> AgentReply:
    agent, is_new = saved
    if is_new:
        response.status_code = 201
    response.headers["Location"] = f"/api/v1/agents/{agent.id}"
    after = AgentReply.of(agent)
    told(before, after)
    return after
