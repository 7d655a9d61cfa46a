"""What holds for every request: an id, our name, a friendly origin, a body of the right type and size, no traceback.

One plain ASGI layer: it costs microseconds, and nothing that it does holds up a stream.
"""

import re
import uuid
from collections.abc import Mapping
from contextlib import closing
from typing import Final
from urllib.parse import unquote_to_bytes

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.callers import Proxies
from api.http.changes import change_reason
from api.http.errors import problem, reply
from api.http.headers import Outlet
from api.http.hosts import Hosts
from api.http.intake import LARGEST_BODIES, Intake, Room, too_large
from api.http.origins import Origins
from runtime.core.errors import PerdureError
from runtime.process.settings import HttpSettings

log = structlog.get_logger(__name__)

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_UPLOADS: Final = frozenset({"/api/v1/images"})  # what takes a form with a file, and no JSON
_MAX_ID_CHARS: Final = 128
_NUL: Final = re.compile("\x00")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f]")  # a pattern of a route would also match before a final line feed


class FrontDoor:
    """Wraps the application.

    What protects a server from the pages of other sites is that browsers say where a request comes from, and that a
    name which was rebound to its address is not its own.
    """

    def __init__(self, app: ASGIApp, http: HttpSettings) -> None:
        self._proxies = Proxies(http.proxies)
        self._hosts = Hosts(http.host, http.hosts)
        self._origins = Origins(http.cors_origins)
        self._app = self._origins.share(app)
        self._http = http
        self._room = Room(http.bodies_limit_bytes or LARGEST_BODIES * http.body_limit_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever happens."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._proxies:
            self._proxies.look_through(scope)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        request_id = _request_id(headers)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        outlet = Outlet(send, scope, request_id)
        try:
            refusal = self._refusal(scope, headers)
            if refusal is not None:
                await self._origins.share(refusal)(scope, receive, outlet)
            elif _has_body(headers):
                with closing(Intake(receive, scope, self._http, self._room, outlet)) as intake:
                    await self._app(scope, intake, outlet)
            else:
                await self._app(scope, receive, outlet)
        except ClientDisconnect:
            return
        except Exception:  # the last line: a bug becomes a 500 and one log entry, and the client sees no traceback
            log.exception("request_failed", method=scope["method"], path=scope["path"])
            if not outlet.has_started:
                answer = problem(500, "internal", "An unexpected error happened; the server's log has the details.")
                await self._origins.share(answer)(scope, receive, outlet)

    def _refusal(self, scope: Scope, headers: Mapping[str, str]) -> Response | None:
        if len(headers) < len(scope["headers"]) and _names_two_hosts(scope):
            return problem(400, "invalid_input", "The request has more than one Host.")
        if not self._hosts.include(host := headers.get("host", "")):
            return problem(403, "foreign_host", self._hosts.refusal(host))
        if scope["method"] not in _SAFE and self._origins.refuse(headers):
            return problem(403, "cross_site_request", "Pages of other sites may not change anything here.")
        if not _is_text(scope["raw_path"], _CONTROL) or not _is_text(scope["query_string"], _NUL):
            return problem(400, "invalid_input", "The address is not UTF-8, or contains a control character.")
        try:
            change_reason(headers.get("everruns-change-reason"))
        except PerdureError as err:
            return reply(err)
        return self._body_refusal(scope, headers) if scope["method"] in _WITH_BODY and _has_body(headers) else None

    def _body_refusal(self, scope: Scope, headers: Mapping[str, str]) -> Response | None:
        if int(headers.get("content-length", "0")) > self._http.body_limit_bytes:
            return problem(413, "body_too_large", too_large(self._http.body_limit_bytes))
        refusal = _kind_refusal(scope["path"], headers.get("content-type", ""))
        if refusal is not None:
            return problem(415, "unsupported_media_type", refusal)
        if headers.get("content-encoding", "identity").strip().lower() != "identity":
            return problem(415, "unsupported_media_type", "The body must not be compressed: no Content-Encoding.")
        return None


def _request_id(headers: Mapping[str, str]) -> str:
    given = headers.get("x-request-id", "")
    if 0 < len(given) <= _MAX_ID_CHARS and given.isascii() and given.isprintable():
        return given
    return uuid.uuid4().hex


def _names_two_hosts(scope: Scope) -> bool:
    """Tell whether readers could differ in which host is meant (RFC 9112 §3.2)."""
    return [name for name, _ in scope["headers"]].count(b"host") > 1


def _is_text(part: bytes, refused: re.Pattern[str]) -> bool:
    """Tell whether a part of an address is UTF-8 once decoded, and holds nothing that is refused."""
    try:
        return refused.search(unquote_to_bytes(part).decode()) is None
    except UnicodeDecodeError:
        return False


def _has_body(headers: Mapping[str, str]) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _kind_refusal(path: str, content_type: str) -> str | None:
    """Return in words what is wrong with the type of a body; None if it may be read."""
    media_type = content_type.partition(";")[0].strip().lower()
    if path in _UPLOADS:
        if media_type == "multipart/form-data":
            return None
        return "The body must be a form with a file: Content-Type: multipart/form-data."
    if media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json")):
        return None
    return "The body must be JSON: Content-Type: application/json."
