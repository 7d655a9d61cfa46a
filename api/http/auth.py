"""The door of every route: who asks is found out, and whether they may, before anything of the body is read.

A route's scope follows from its tag and method; one that needs another says so (`needs`). A route whose tag is not
known here ends the start of the server: none is open by being forgotten.
"""

from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any, Final, TypeAlias

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection

from api.http import cookies
from api.http.audit import AUDITED, Auditing
from api.http.intake import STRANGERS_BODY_BYTES, bound_body
from api.http.limits import Limits
from runtime.core.access.principal import Principal
from runtime.core.access.roles import Scope
from runtime.core.errors import NotFoundError, UnauthenticatedError
from runtime.core.ids import parse_id
from runtime.ports.access import Authenticator, Shown
from runtime.process.behalf import ON_BEHALF_OF

Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]

_SAFE: Final = frozenset({"GET", "HEAD"})
_AGENTS: Final = (Scope.AGENTS_READ, Scope.AGENTS_WRITE)
_SESSIONS: Final = (Scope.SESSIONS_READ, Scope.SESSIONS_WRITE)
_NAMED_ORG: Final = "org_id"  # of an address: the organisation in which a request acts
_SCHEMES: Final = frozenset({"bearer", "apikey"})
SECURITY: Final = "token"  # the name of the scheme in the OpenAPI document

# By tag: what reading and changing need; None where nobody has to say who they are.
AREAS: Final[Mapping[str, tuple[Scope, Scope] | None]] = {
    "agents": _AGENTS,
    "harnesses": _AGENTS,
    "capabilities": _AGENTS,
    "models": (Scope.AGENTS_READ, Scope.ORG_ADMIN),
    "providers": (Scope.AGENTS_READ, Scope.ORG_ADMIN),
    "sessions": _SESSIONS,
    "messages": _SESSIONS,
    "events": _SESSIONS,
    "effects": _SESSIONS,
    "files": _SESSIONS,
    "images": _SESSIONS,
    "workspaces": _SESSIONS,
    "durable": _SESSIONS,
    "account": (Scope.ACCOUNT, Scope.ACCOUNT),
    "organizations": (Scope.ORG_READ, Scope.ORG_ADMIN),
    "audit": (Scope.ORG_ADMIN, Scope.ORG_ADMIN),
    "login": None,
    "server": None,
}


def needs(scope: Scope) -> dict[str, Any]:
    """Return what a route gives as `openapi_extra` if it needs another scope than those of its area."""
    return {"security": [{SECURITY: [scope.value]}]}


class GuardedRoute(APIRoute):
    """A route that is run for those who may, with their principal in the request's state. All routes are such.

    Its document says which scope it needs. Raises ValueError if nobody has said so.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **given: Any) -> None:
        extra = given.pop("openapi_extra", None) or {}
        self.needed = _needed(path, extra, given.get("tags") or (), given.get("methods") or _SAFE)
        self.auditing = Auditing(extra[AUDITED]) if AUDITED in extra else None
        if self.needed is not None:
            extra = {**extra, **needs(self.needed)}
        super().__init__(path, endpoint, openapi_extra=extra or None, **given)

    def get_route_handler(self) -> Handler:
        """Return FastAPI's handler behind the guard."""
        return self.guarded(super().get_route_handler())

    def guarded(self, handler: Handler) -> Handler:
        """Return a handler that first finds out who asks.

        It raises UnauthenticatedError, ForbiddenError or LimitExceededError.
        """
        needed, auditing = self.needed, self.auditing

        async def guard(request: Request) -> Response:
            if needed is None:
                limits_of(request).admit(request.scope)
                bound_body(request.scope, STRANGERS_BODY_BYTES)
            else:
                await _enter(request, needed)
            return await (handler(request) if auditing is None else auditing(handler, request))

        return guard


async def _enter(request: Request, needed: Scope) -> None:
    bearer, org = bearer_of(request), _org_of(request)
    principal = await _principal(request, Shown(bearer or cookies.access_token(request), org))
    request.state.principal = principal
    ON_BEHALF_OF.set(principal.org_id)
    limits_of(request).admit(request.scope)
    if bearer is None and principal.credential_id is not None:
        cookies.check_csrf(request)
    if _NAMED_ORG in request.path_params and principal.org_id != org:
        raise NotFoundError("organization", str(org))
    principal.require(needed)


async def _principal(request: Request, shown: Shown) -> Principal:
    authenticator: Authenticator = request.app.state.house.authenticator
    try:
        return await authenticator.principal(shown)
    except UnauthenticatedError:
        limits = limits_of(request)
        if shown.token is None:
            limits.admit(request.scope)
        else:
            limits.count_failure(request.scope)
        raise


def _needed(path: str, extra: Mapping[str, Any], tags: Collection[Any], methods: Collection[str]) -> Scope | None:
    if "security" in extra:
        return Scope(extra["security"][0][SECURITY][0])
    areas = [AREAS[tag] for tag in tags if tag in AREAS]
    if not areas:
        message = f"nobody has said who may call {path}: give it a tag that is in AREAS"
        raise ValueError(message)
    if areas[0] is None:
        return None
    reading, changing = areas[0]
    return reading if set(methods) <= _SAFE else changing


def bearer_of(connection: HTTPConnection) -> str | None:
    """Return the token in `Authorization`, alone or after `Bearer` or `ApiKey`."""
    given = connection.headers.get("authorization", "").strip()
    scheme, _, rest = given.partition(" ")
    return (rest.strip() if scheme.lower() in _SCHEMES else given) or None


def _org_of(connection: HTTPConnection) -> str | None:
    """Return the organisation that an address names, or else `X-Org-Id`. Raises InvalidInputError for what is no id."""
    named = connection.path_params.get(_NAMED_ORG)
    return connection.headers.get("x-org-id") or None if named is None else parse_id("org", named)


def limits_of(connection: HTTPConnection) -> Limits:
    """Return what this front door holds its clients to."""
    limits: Limits = connection.app.state.limits
    return limits


def principal_of(connection: HTTPConnection) -> Principal:
    """Return as whom a request acts; its route is a guarded one that needs a scope."""
    found: Principal = connection.state.principal
    return found
