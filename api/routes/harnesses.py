"""Harnesses: the routes of docs/wire.md, "Agents, harnesses, workspaces"."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.http.audit import audited
from api.http.body import JsonRoute
from api.http.deps import Needs
from api.http.layers import changes, definition, told
from api.http.pages import Archived, Page, Search, whole
from api.schemas.agent import HarnessBody, HarnessExample, HarnessPatch, HarnessReply
from runtime.core.authored.definition import HarnessDefinition
from runtime.core.ids import parse_id

router = APIRouter(prefix="/api/v1", tags=["harnesses"], route_class=JsonRoute)

Key = Annotated[str, Path(description="An id, a name or `default`", max_length=128)]


@router.get("/harnesses")
async def list_harnesses(deps: Needs, search: Search = "", *, include_archived: Archived = False) -> Page[HarnessReply]:
    """List harnesses, built-in ones first."""
    found = await deps.stores.harnesses.list(search=search, include_archived=include_archived)
    return whole([HarnessReply.of(harness) for harness in found])


@router.get("/harness-examples")
async def list_examples(deps: Needs) -> list[HarnessExample]:
    """List the harnesses that a new one can start from: the built-in ones."""
    return [
        HarnessExample.model_validate({**HarnessReply.of(harness).model_dump(), "dev_only": False})
        for harness in await deps.stores.harnesses.list()
        if harness.is_built_in
    ]


@router.get("/harnesses/{harness}")
async def get_harness(harness: Key, deps: Needs) -> HarnessReply:
    """Return a harness by id or name."""
    return HarnessReply.of(await deps.stores.harnesses.get(harness))


@router.post("/harnesses", status_code=201, openapi_extra=audited("harness.created"))
async def create_harness(body: HarnessBody, deps: Needs, response: Response) -> HarnessReply:
    """Create a harness."""
    made = definition(body, HarnessDefinition, deps.registry)
    harness = await deps.authoring.create_harness(body.name, made, parent_id=_parent_id(body))
    response.headers["Location"] = f"/api/v1/harnesses/{harness.id}"
    reply = HarnessReply.of(harness)
    told(None, reply)
    return reply


@router.patch("/harnesses/{harness}", openapi_extra=audited("harness.changed"))
async def patch_harness(harness: Key, body: HarnessPatch, deps: Needs) -> HarnessReply:
    """Change what is given; lists are replaced whole. Built-in harnesses cannot change."""
    harness_id = parse_id("harness", harness)
    given = changes(body, HarnessDefinition, deps.registry)
    before = HarnessReply.of(await deps.stores.harnesses.get(harness_id))
    changed = await deps.authoring.change_harness(
        harness_id, given, name=body.name, parent_id=_parent_id(body), status=body.status
    )
    after = HarnessReply.of(changed)
    told(before, after)
    return after


@router.delete("/harnesses/{harness}", status_code=204, openapi_extra=audited("harness.archived"))
async def delete_harness(harness: Key, deps: Needs) -> None:
    """Archive a harness; an archived one is deleted."""
    await deps.stores.harnesses.archive(parse_id("harness", harness))


def _parent_id(body: HarnessPatch) -> str | None:
    return None if body.parent_harness_id is None else parse_id("harness", body.parent_harness_id)
