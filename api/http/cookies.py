"""How browsers show who they are: cookies that no script can read, and a proof that a page of ours sent the request.

A browser sends cookies by itself, whoever made it send the request. So one that changes something must come from a page
of this origin, and bring in a header what only such a page could read from the cookie `csrf_token`.
"""

import hmac
import secrets
from typing import Final
from urllib.parse import urlsplit

from fastapi import Response
from starlette.requests import HTTPConnection

from runtime.core.errors import ForbiddenError
from runtime.identity.sign_in import Grant

ACCESS: Final = "access_token"
REFRESH: Final = "refresh_token"
CSRF: Final = "csrf_token"
JOURNEY: Final = "oauth_journey"
CSRF_HEADER: Final = "x-csrf-token"
_AUTH_PATH: Final = "/api/v1/auth"
_SAFE: Final = frozenset({"GET", "HEAD"})


def access_token(connection: HTTPConnection) -> str | None:
    """Return the access token of a browser."""
    return connection.cookies.get(ACCESS) if "cookie" in connection.headers else None


def refresh_token(connection: HTTPConnection) -> str | None:
    """Return the refresh token of a browser, which may only come from a page of ours. Raises ForbiddenError("csrf")."""
    found = connection.cookies.get(REFRESH)
    if found is not None:
        check_csrf(connection)
    return found


def keep(response: Response, connection: HTTPConnection, grant: Grant) -> None:
    """Have a browser keep what it was granted."""
    is_secure = _is_secure(connection)
    csrf = connection.cookies.get(CSRF) or secrets.token_urlsafe(32)
    kept = (
        (ACCESS, grant.access_token, grant.expires_in, "/", True),
        (REFRESH, grant.refresh_token, grant.refresh_expires_in, _AUTH_PATH, True),
        (CSRF, csrf, grant.refresh_expires_in, "/", False),
    )
    for name, value, max_age, path, is_hidden in kept:
        response.set_cookie(
            name, value, max_age=max_age, path=path, secure=is_secure, httponly=is_hidden, samesite="lax"
        )


def drop(response: Response) -> None:
    """Have a browser forget them."""
    for name, path in ((ACCESS, "/"), (REFRESH, _AUTH_PATH), (CSRF, "/")):
        response.delete_cookie(name, path=path, samesite="lax")


def journey(connection: HTTPConnection) -> str:
    """Return what a browser has kept on its way to an identity provider."""
    return connection.cookies.get(JOURNEY, "")


def keep_journey(response: Response, connection: HTTPConnection, kept: str, lifetime_s: int) -> None:
    """Have a browser keep it; `lax` lets it come along when the provider sends the browser back."""
    response.set_cookie(
        JOURNEY,
        kept,
        max_age=lifetime_s,
        path=_AUTH_PATH,
        secure=_is_secure(connection),
        httponly=True,
        samesite="lax",
    )


def drop_journey(response: Response) -> None:
    """Have a browser forget it."""
    response.delete_cookie(JOURNEY, path=_AUTH_PATH, samesite="lax")


def check_csrf(connection: HTTPConnection) -> None:
    """Pass if a request changes nothing, or a page of this origin sent it and proves that. Raises ForbiddenError."""
    if connection.scope["method"] in _SAFE:
        return
    kept, brought = connection.cookies.get(CSRF, ""), connection.headers.get(CSRF_HEADER, "")
    if not kept or not hmac.compare_digest(kept.encode(), brought.encode()) or not _is_own(connection):
        message = "A browser must send this from a page of this server, with the cookie csrf_token in X-CSRF-Token."
        raise ForbiddenError(message, "csrf")


def _is_secure(connection: HTTPConnection) -> bool:
    return connection.scope["scheme"] in ("https", "wss")


def _is_own(connection: HTTPConnection) -> bool:
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return urlsplit(connection.headers.get("origin", "")).netloc == connection.headers.get("host")
