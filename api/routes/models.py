"""Models: the routes of docs/wire.md, "Models and capabilities"."""

from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Path, Query

from api.http.auth import GuardedRoute
from api.http.deps import Needs
from api.http.pages import Page, whole
from api.schemas.model import ModelReply

router = APIRouter(prefix="/v1/models", tags=["models"], route_class=GuardedRoute)

VENDORS: Final = frozenset({
    "openai", "anthropic", "google", "nvidia", "qwen", "microsoft", "minimax", "moonshot", "xai", "llmsim",
})  # fmt: skip


@router.get("")
async def list_models(
    deps: Needs,
    *,
    source: Annotated[Literal["manual", "discovered", "predefined"] | None, Query()] = None,
    favorites_only: Annotated[bool, Query()] = False,
) -> Page[ModelReply]:
    """List the models of the configured providers, and the simulated ones."""
    found = [_reply(info) for info in deps.models.models()]
    wanted = [m for m in found if source in (None, m.source) and (m.is_favorite or not favorites_only)]
    return whole(wanted)


@router.get("/{model:path}")
async def get_model(model: Annotated[str, Path(description="An id, or provider:name")], deps: Needs) -> ModelReply:
    """Return a model."""
    return _reply(deps.models.info(model))


def _reply(info: msgspec.Struct) -> ModelReply:
    fields: dict[str, Any] = msgspec.to_builtins(info)
    if fields.get("model_vendor") not in VENDORS:
        fields["model_vendor"] = None  # the SDK refuses the whole list for one that it does not know
    return ModelReply(**fields)
