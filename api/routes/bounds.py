"""What an organisation may use of the server, and which keys seal its secrets: read here, set by the operator."""

from fastapi import APIRouter

from api.http.auth import needs
from api.http.body import JsonRoute
from api.http.deps import Everything, Needs
from api.http.pages import Page, whole
from api.schemas.bounds import LimitsReply
from api.schemas.secret import SecretKeyReply
from runtime.core.access.roles import Scope
from runtime.core.rate import Rate
from runtime.ports.secrets import standings

router = APIRouter(prefix="/api/v1", tags=["organizations"], route_class=JsonRoute)


@router.get("/limits")
async def get_limits(house: Everything) -> LimitsReply:
    """Return how often clients may ask, and how much at a time, as the server's settings have it."""
    allowed, http = house.allowances, house.http
    return LimitsReply(
        requests_per_minute=_number(allowed.requests),
        org_requests_per_minute=_number(allowed.org_requests),
        failures_per_minute=_number(allowed.failures),
        streams_per_session=http.sse_per_session,
        streams_per_org=allowed.streams_per_org,
        body_bytes=http.body_limit_bytes,
    )


@router.get("/secret-keys", openapi_extra=needs(Scope.ORG_ADMIN))
async def list_secret_keys(deps: Needs, house: Everything) -> Page[SecretKeyReply]:
    """List the keys that seal secrets of the organisation. A new one takes over with `perdure keys rotate`."""
    return whole([SecretKeyReply.of(key) for key in standings(await deps.stores.secret_keys.uses(), house.key_ids)])


def _number(rate: Rate | None) -> int | None:
    return None if rate is None else rate.limit
