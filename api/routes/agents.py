"""Agents (contract http §5)."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.http.body import JsonRoute
from api.http.deps import Deps, Needs
from api.http.pages import Archived, Limit, Offset, Page, Search
from api.layers import LayerReader, changes, check_layer, definition
from api.schemas.agent import AgentBody, AgentPatch, AgentReply
from runtime.core.authored.definition import AgentDefinition
from runtime.core.errors import ConflictError, NotFoundError
from runtime.core.ids import parse_id

router = APIRouter(prefix="/v1/agents", tags=["agents"], route_class=JsonRoute)

Key = Annotated[str, Path(description="An id or a name", max_length=128)]


class AgentPage(Page[AgentReply]):
    """A page of agents, under the names that the Python and the TypeScript SDK read."""

    agents: list[AgentReply]


@router.post("", status_code=201)
async def upsert_agent(body: AgentBody, deps: Needs, response: Response) -> AgentReply:
    """Create an agent, or update the one with that id or, without an id, with that name."""
    agent_id = None if body.id is None else parse_id("agent", body.id)
    return await _upsert(deps, body, agent_id, response)


@router.get("")
async def list_agents(
    deps: Needs, *, search: Search = "", include_archived: Archived = False, offset: Offset = 0, limit: Limit = 20
) -> AgentPage:
    """List agents, newest first."""
    found, total = await deps.agents.list(search=search, include_archived=include_archived, offset=offset, limit=limit)
    replies = [AgentReply.of(agent) for agent in found]
    return AgentPage(data=replies, agents=replies, total=total, offset=offset, limit=limit)


@router.get("/{agent}")
async def get_agent(agent: Key, deps: Needs) -> AgentReply:
    """Return an agent by id or name."""
    return AgentReply.of(await deps.agents.get(agent))


@router.put("/{agent}", responses={201: {"model": AgentReply}})
async def put_agent(agent: Key, body: AgentBody, deps: Needs, response: Response) -> AgentReply:
    """Create or replace the agent with that id or name."""
    try:
        agent_id: str | None = (await deps.agents.get(agent)).id
    except NotFoundError:
        agent_id = agent if agent.startswith("agent_") else None
        if agent_id is None and agent != body.name:
            message = "The name in the address is not the one in the body, and no agent has it."
            raise ConflictError(message, "agent_name_mismatch") from None
    response.status_code = 200
    return await _upsert(deps, body, agent_id, response)


@router.patch("/{agent}")
async def patch_agent(agent: Key, body: AgentPatch, deps: Needs) -> AgentReply:
    """Change what is given; lists are replaced whole."""
    agent_id = parse_id("agent", agent)
    made = definition(body, AgentDefinition)
    check_layer(deps, made)
    harness_id = None if body.harness is None else await LayerReader(deps).assignable_harness(body.harness)
    given = changes(body, made)
    changed = await deps.agents.patch(agent_id, given, name=body.name, harness_id=harness_id, status=body.status)
    return AgentReply.of(changed)


@router.delete("/{agent}", status_code=204)
async def delete_agent(agent: Key, deps: Needs) -> None:
    """Archive an agent; an archived one is deleted."""
    await deps.agents.archive(parse_id("agent", agent))


async def _upsert(deps: Deps, body: AgentBody, agent_id: str | None, response: Response) -> AgentReply:
    made = definition(body, AgentDefinition)
    check_layer(deps, made)
    harness_id = await LayerReader(deps).assignable_harness("default" if body.harness is None else body.harness)
    agent, is_new = await deps.agents.upsert(body.name, harness_id, made, agent_id=agent_id)
    if is_new:
        response.status_code = 201
    response.headers["Location"] = f"/api/v1/agents/{agent.id}"
    return AgentReply.of(agent)
