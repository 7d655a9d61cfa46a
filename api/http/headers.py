"""What the head of every reply says to browsers, in one table: all that they need not do for us, they may not do.

What is below /api is no page: it runs and refers to nothing, and is kept nowhere. There each header costs a
microsecond that counts.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

from starlette.types import Message, Scope, Send

Header: TypeAlias = tuple[bytes, bytes]

# frame-ancestors says what X-Frame-Options said.
_ALWAYS: Final = ((b"x-content-type-options", b"nosniff"), (b"cross-origin-resource-policy", b"same-origin"))
_PAGE: Final = (
    *_ALWAYS,
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
API: Final[tuple[Header, ...]] = (
    *_ALWAYS,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
_HTTPS: Final = ((b"strict-transport-security", b"max-age=31536000"),)  # a year; subdomains are not ours to bind
_API_PREFIX: Final = "/api/"

TABLE: Final[dict[tuple[bool, str], tuple[Header, ...]]] = {
    (False, "http"): _PAGE,
    (True, "http"): API,
    (False, "https"): _PAGE + _HTTPS,
    (True, "https"): API + _HTTPS,
}
_NAMES: Final = frozenset(name for table in TABLE.values() for name, _ in table)


def protective(path: str, scheme: str) -> tuple[Header, ...]:
    """Return what a reply to a request of this path, over http or https, says besides its own."""
    return TABLE[path.startswith(_API_PREFIX), scheme]


class Outlet:
    """Sends a reply, with the id of its request and what belongs in every head.

    Whoever deals with the request may add to `scope["reply_headers"]` until the reply begins.
    """

    def __init__(self, send: Send, scope: Scope, request_id: str) -> None:
        self._send = send
        self._protective = protective(scope["path"], scope["scheme"])
        self._added: list[Header] = [(b"x-request-id", request_id.encode("latin-1"))]
        scope["reply_headers"] = self._added
        self.has_started = False

    async def __call__(self, message: Message) -> None:
        """Pass a part of the reply on."""
        if message["type"] == "http.response.start":
            self.has_started = True
            message = {**message, "headers": self._headers(message.get("headers", ()))}
        await self._send(message)

    def _headers(self, own: Sequence[Header]) -> list[Header]:
        kept = {name for name, _ in own} & _NAMES  # a reply that has its own keeps it
        protective = [header for header in self._protective if header[0] not in kept] if kept else self._protective
        return [*own, *self._added, *protective]
