"""What holds for every request: an id, a friendly origin, a body of the right type and size, no traceback.

One plain ASGI layer: it costs microseconds, and nothing that it does holds up a stream.
"""

import re
import uuid
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.changes import change_reason
from api.http.errors import problem, reply
from runtime.core.errors import PerdureError
from runtime.process.settings import is_loopback

log = structlog.get_logger(__name__)

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_MAX_ID_CHARS: Final = 128
_NUL: Final = re.compile("\x00")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f]")  # a pattern of a route would also match before a final line feed


class FrontDoor:
    """Wraps the application. With `loopback_only`, requests that name another host are refused.

    Without authentication, what protects a server on this machine from the pages of other sites is that
    browsers say where a request comes from, and that a name which was rebound to 127.0.0.1 is not ours.
    """

    def __init__(self, app: ASGIApp, body_limit_bytes: int, *, loopback_only: bool) -> None:
        self._app = app
        self._body_limit_bytes = body_limit_bytes
        self._loopback_only = loopback_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever happens."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        request_id = _request_id(headers)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        outlet = _Outlet(send, request_id)
        try:
            refusal = self._refusal(scope, headers)
            if refusal is not None:
                await refusal(scope, receive, outlet)
            else:
                await self._app(scope, self._limited(receive) if _has_body(headers) else receive, outlet)
        except ClientDisconnect:
            return
        except Exception:  # the last line: a bug becomes a 500 and one log entry, and the client sees no traceback
            log.exception("request_failed", method=scope["method"], path=scope["path"])
            if not outlet.has_started:
                answer = problem(500, "internal", "An unexpected error happened; the server's log has the details.")
                await answer(scope, receive, outlet)

    def _refusal(self, scope: Scope, headers: Mapping[str, str]) -> Response | None:
        if self._loopback_only and not _is_ours(headers.get("host", "")):
            return problem(403, "foreign_host", "This server answers to loopback addresses only.")
        if scope["method"] not in _SAFE and _is_cross_site(headers):
            return problem(403, "cross_site_request", "Pages of other sites may not change anything here.")
        if not _is_text(scope["raw_path"], _CONTROL) or not _is_text(scope["query_string"], _NUL):
            return problem(400, "invalid_input", "The address is not UTF-8, or contains a control character.")
        try:
            change_reason(headers.get("everruns-change-reason"))
        except PerdureError as err:
            return reply(err)
        return self._body_refusal(headers) if scope["method"] in _WITH_BODY and _has_body(headers) else None

    def _body_refusal(self, headers: Mapping[str, str]) -> Response | None:
        if int(headers.get("content-length", "0")) > self._body_limit_bytes:
            return problem(413, "body_too_large", self._too_large)
        if not _is_json(headers.get("content-type", "")):
            return problem(415, "unsupported_media_type", "The body must be JSON: Content-Type: application/json.")
        if headers.get("content-encoding", "identity").strip().lower() != "identity":
            return problem(415, "unsupported_media_type", "The body must not be compressed: no Content-Encoding.")
        return None

    @property
    def _too_large(self) -> str:
        return f"A body may have at most {self._body_limit_bytes} bytes."

    def _limited(self, receive: Receive) -> Receive:
        left = self._body_limit_bytes

        async def count() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, self._too_large)
            return message

        return count


class _Outlet:
    """Sends a reply, with the id of its request."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._header = (b"x-request-id", request_id.encode("latin-1"))
        self.has_started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_started = True
            message = {**message, "headers": [*message.get("headers", ()), self._header]}
        await self._send(message)


def _request_id(headers: Mapping[str, str]) -> str:
    given = headers.get("x-request-id", "")
    if 0 < len(given) <= _MAX_ID_CHARS and given.isascii() and given.isprintable():
        return given
    return uuid.uuid4().hex


def _is_text(part: bytes, refused: re.Pattern[str]) -> bool:
    """Tell whether a part of an address is UTF-8 once decoded, and holds nothing that is refused."""
    try:
        return refused.search(unquote_to_bytes(part).decode()) is None
    except UnicodeDecodeError:
        return False


def _has_body(headers: Mapping[str, str]) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


@lru_cache(maxsize=256)
def _is_ours(host: str) -> bool:
    name = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
    return not name or name.lower().endswith(".localhost") or is_loopback(name.lower())


def _is_cross_site(headers: Mapping[str, str]) -> bool:
    """Tell whether a browser sent this for a page of another site; other programs send neither header."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")
