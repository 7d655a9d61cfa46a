"""Accounts elsewhere of whoever asks: the routes of docs/wire.md, "Secrets"."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.http.audit import audited
from api.http.body import JsonRoute
from api.http.deps import Needs
from api.http.pages import Page, whole
from api.schemas.secret import ConnectionBody, ConnectionReply
from runtime.core.errors import NotFoundError

router = APIRouter(prefix="/api/v1/user/connections", tags=["account"], route_class=JsonRoute)

Provider = Annotated[
    str, Path(description="Whose account it is, such as github", pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
]


@router.post("/{provider}", status_code=201, openapi_extra=audited("connection.set"))
async def set_connection(provider: Provider, body: ConnectionBody, deps: Needs, response: Response) -> ConnectionReply:
    """Keep the API key of an account elsewhere, in place of the one that was kept before."""
    connections = deps.stores.connections
    await connections.put({provider: body.api_key.get_secret_value()})
    response.headers["Location"] = f"/api/v1/user/connections/{provider}"
    return next(ConnectionReply.of(info) for info in await connections.list() if info.name == provider)


@router.get("")
async def list_connections(deps: Needs) -> Page[ConnectionReply]:
    """List one's own accounts elsewhere, without their keys."""
    return whole([ConnectionReply.of(info) for info in await deps.stores.connections.list()])


@router.delete("/{provider}", status_code=204, openapi_extra=audited("connection.deleted"))
async def delete_connection(provider: Provider, deps: Needs) -> None:
    """Forget the key of an account elsewhere."""
    if not await deps.stores.connections.delete(provider):
        raise NotFoundError("connection", provider)
