"""Pages of other sites: which may change something here, and read answers. None may, unless the operator names it."""

from collections.abc import Mapping, Sequence
from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_READABLE: Final = (
    "X-Request-Id", "Retry-After", "RateLimit", "RateLimit-Policy", "X-Total-Count", "Perdure-Warnings", "Location",
)  # fmt: skip


class Origins:
    """The origins of other sites' pages that may do what our own may."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._allowed = frozenset(allowed)

    def refuse(self, headers: Mapping[str, str]) -> bool:
        """Tell whether a browser sent this for a page of another site; other programs send neither header."""
        origin = headers.get("origin")
        if origin in self._allowed:
            return False
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site not in ("same-origin", "none")
        return origin is not None and origin.partition("://")[2] != headers.get("host")

    def share(self, answer: ASGIApp) -> ASGIApp:
        """Return an application, or one reply, whose answers those pages may read, and with cookies if they say so."""
        if not self._allowed:
            return answer
        return CORSMiddleware(
            answer,
            allow_origins=self._allowed,
            allow_methods=_METHODS,
            allow_headers=("*",),
            allow_credentials=True,
            expose_headers=_READABLE,
        )
