"""Providers: the routes of docs/wire.md, "Providers"."""

from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Path, Response
from pydantic import AfterValidator

from api.http.audit import audited, changed
from api.http.auth import needs
from api.http.body import JsonRoute
from api.http.deps import Deps, Needs
from api.http.pages import Page, whole
from api.schemas.model import ModelReply
from api.schemas.provider import (
    DraftBody,
    DriverReply,
    ModelBody,
    ProviderBody,
    ProviderPatch,
    ProviderReply,
    ProvidersConfig,
    SyncReply,
    TrialReply,
)
from runtime.core.access.roles import Scope
from runtime.core.ids import parse_id

router = APIRouter(tags=["providers"], route_class=JsonRoute)  # below /v1/providers

ProviderId = Annotated[
    str, AfterValidator(partial(parse_id, "provider")), Path(json_schema_extra={"pattern": "^provider_[0-9a-f]{32}$"})
]
_TRYING: Final = needs(Scope.ORG_ADMIN)


@router.get("")
async def list_providers(deps: Needs) -> Page[ProviderReply]:
    """List the server's own providers and the organisation's."""
    return whole([ProviderReply.of(provider) for provider in await deps.providing.list()])


@router.post("", status_code=201, openapi_extra=audited("provider.created"))
async def create_provider(body: ProviderBody, deps: Needs, response: Response) -> ProviderReply:
    """Make a provider; its key is sealed and never shown."""
    made = ProviderReply.of(await deps.providing.create(body.draft, body.given))
    changed(None, made.model_dump(exclude_none=True))
    response.headers["Location"] = f"/api/v1/providers/{made.id}"
    return made


@router.get("/config")
async def get_config(deps: Needs) -> ProvidersConfig:
    """Return which types of providers can be made, and what a form for one asks for."""
    drivers = [DriverReply.of(driver) for driver in deps.desk.drivers()]
    may_be_inside = deps.principal.may(Scope.SYSTEM)
    return ProvidersConfig(policies={"private_addresses_allowed": may_be_inside}, drivers=drivers)


@router.post("/test", openapi_extra=_TRYING)
async def try_draft(body: DraftBody, deps: Needs) -> TrialReply:
    """Ask a provider for its models before it is made. Nothing is kept."""
    return TrialReply.of(await deps.providing.try_draft(body.draft, body.given))


@router.get("/{provider_id}")
async def get_provider(provider_id: ProviderId, deps: Needs) -> ProviderReply:
    """Return a provider."""
    return ProviderReply.of(await deps.providing.get(provider_id))


@router.patch("/{provider_id}", openapi_extra=audited("provider.changed"))
async def change_provider(provider_id: ProviderId, body: ProviderPatch, deps: Needs) -> ProviderReply:
    """Change what is given; actors know of it within a second, and turns that run go on with what they began with."""
    before = ProviderReply.of(await deps.providing.get(provider_id))
    after = ProviderReply.of(await deps.providing.change(provider_id, body.changes, body.given))
    changed(before.model_dump(exclude_none=True), after.model_dump(exclude_none=True))
    return after


@router.delete("/{provider_id}", status_code=204, openapi_extra=audited("provider.deleted"))
async def delete_provider(provider_id: ProviderId, deps: Needs) -> None:
    """Forget a provider with its models."""
    before = ProviderReply.of(await deps.providing.get(provider_id))
    await deps.providing.delete(provider_id)
    changed(before.model_dump(exclude_none=True), None)


@router.post("/{provider_id}/test")
async def try_provider(provider_id: ProviderId, deps: Needs) -> TrialReply:
    """Ask a provider for its models, with the key that is kept."""
    return TrialReply.of(await deps.providing.try_kept(provider_id))


@router.post(
    "/{provider_id}/sync-models",
    response_model_exclude_none=True,
    openapi_extra=audited("provider.synced"),
)
async def sync_models(provider_id: ProviderId, deps: Needs) -> SyncReply:
    """Take over a provider's list of models; those that are missing in it are kept, as stale."""
    synced = await deps.providing.sync(provider_id)
    if synced is None:
        return SyncReply(status="not_supported")
    return SyncReply(status="success", created=synced.created, updated=synced.updated, stale=synced.stale)


@router.get("/{provider_id}/models")
async def list_provider_models(provider_id: ProviderId, deps: Needs) -> Page[ModelReply]:
    """List a provider's models."""
    return whole(await _models(deps, provider_id))


@router.post("/{provider_id}/models", status_code=201, openapi_extra=audited("model.added"))
async def add_model(provider_id: ProviderId, body: ModelBody, deps: Needs, response: Response) -> ModelReply:
    """Add a model by the provider's name for it."""
    made = ModelReply.of(await deps.providing.add_model(provider_id, body.draft))
    response.headers["Location"] = f"/api/v1/models/{made.id}"
    return made


async def _models(deps: Deps, provider_id: str) -> list[ModelReply]:
    provider = await deps.providing.get(provider_id)
    return [ModelReply.of(info) for info in await deps.models.of_provider(provider)]
