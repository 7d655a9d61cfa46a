"""Capabilities: the routes of docs/wire.md, "Models and capabilities"."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import ValidationError

from api.http.auth import GuardedRoute
from api.http.deps import Needs
from api.http.pages import Limit, Offset, Page, Search
from api.schemas.model import CapabilityInfo
from runtime.agents.capability import Capability

router = APIRouter(prefix="/api/v1/capabilities", tags=["capabilities"], route_class=GuardedRoute)


@router.get("")
async def list_capabilities(
    deps: Needs, search: Search = "", offset: Offset = 0, limit: Limit = 20
) -> Page[CapabilityInfo]:
    """List what agents can be given, by id."""
    wanted = search.lower()
    found = [c for c in deps.registry if wanted in f"{c.id}\n{c.name}\n{c.description}".lower()]
    found.sort(key=lambda capability: capability.id)
    replies = [_reply(capability) for capability in found[offset : offset + limit]]
    return Page(data=replies, total=len(found), offset=offset, limit=limit)


@router.get("/{capability}")
async def get_capability(
    capability: Annotated[str, Path(description="An id or an alias", max_length=256)], deps: Needs
) -> CapabilityInfo:
    """Return a capability."""
    return _reply(deps.registry.get(capability))


def _reply(capability: Capability) -> CapabilityInfo:
    config = _default_config(capability)
    return CapabilityInfo(
        id=capability.id,
        name=capability.name,
        description=capability.description,
        category=capability.category,
        icon=capability.icon,
        dependencies=list(capability.dependencies),
        features=list(capability.features),
        tool_definitions=[
            {"type": "builtin", "name": t.name, "description": t.description, "parameters": t.parameters}
            for t in capability.tools(config)
        ],
        system_prompt=capability.prompt(config),
        config_schema=None if capability.Config is None else capability.Config.model_json_schema(),
        risk_level=capability.risk.value,
    )


def _default_config(capability: Capability) -> dict[str, Any]:
    if capability.Config is None:
        return {}
    try:
        return capability.Config().model_dump()
    except ValidationError:
        return {}
