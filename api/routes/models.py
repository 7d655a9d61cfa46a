"""Models: the routes of docs/wire.md, "Models and capabilities"."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from api.http.audit import audited, changed
from api.http.body import JsonRoute
from api.http.deps import Needs
from api.http.pages import Page, whole
from api.schemas.model import ModelReply
from api.schemas.provider import ModelPatch

router = APIRouter(tags=["models"], route_class=JsonRoute)  # below /v1/models

Key = Annotated[str, Path(description="An id, or provider:name")]


@router.get("")
async def list_models(
    deps: Needs,
    *,
    source: Annotated[Literal["manual", "discovered", "predefined"] | None, Query()] = None,
    include_stale: Annotated[bool, Query(description="Whether to list what its provider lists no more")] = True,
    favorites_only: Annotated[bool, Query()] = False,
) -> Page[ModelReply]:
    """List the models of the server's own providers and the organisation's, and the simulated ones."""
    found = [info for info in await deps.models.models() if include_stale or not info.is_stale]
    wanted = [m for m in found if source in (None, m.source) and (m.is_favorite or not favorites_only)]
    return whole([ModelReply.of(info) for info in wanted])


@router.get("/{model:path}")
async def get_model(model: Key, deps: Needs) -> ModelReply:
    """Return a model."""
    return ModelReply.of(await deps.models.info(model))


@router.patch("/{model:path}", openapi_extra=audited("model.changed"))
async def change_model(model: Key, body: ModelPatch, deps: Needs) -> ModelReply:
    """Change what is given. Disabling one takes it from whoever names it, within a second."""
    before = ModelReply.of(await deps.models.info(model))
    after = ModelReply.of(await deps.providing.change_model(model, body.changes))
    changed(before.said(), after.said())
    return after


@router.delete("/{model:path}", status_code=204, openapi_extra=audited("model.deleted"))
async def delete_model(model: Key, deps: Needs) -> None:
    """Forget a model of one of the organisation's providers."""
    before = ModelReply.of(await deps.models.info(model))
    await deps.providing.delete_model(model)
    changed(before.said(), None)
