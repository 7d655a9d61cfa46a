"""What is asked for, in the one form in which it is judged and sent: URLs, headers, and where redirects lead."""

import re
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from yarl import URL

from runtime.core.authored.network import Reach, permits
from runtime.core.errors import ForbiddenError, InvalidInputError
from runtime.core.inside import is_plain
from runtime.ports.outbound import OutboundRequest

_MOST_CHARS: Final = 8_192
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SAID: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS: Final = frozenset({
    "accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "proxy-authorization",
    "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip  # who is asked, and how: that is not for the caller to say
_HARMLESS: Final = frozenset({"accept", "accept-language", "user-agent"})  # what another origin may hear
_OF_BODY: Final = frozenset({"content-type"})
_AS_GET: Final = frozenset({HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND, HTTPStatus.SEE_OTHER})
_REDIRECTS: Final = _AS_GET | {HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT}


def target(url: str, reach: Reach) -> URL:
    """Return a URL in normal form, which may be asked as far as its name tells.

    Raises:
        InvalidInputError: it is none of http or https, or not as one is written.
        ForbiddenError: the agent may not go there.
    """
    parsed = _parsed(url)
    if not permits(reach, str(parsed.with_fragment(None))):
        message = f"This agent's network access does not allow {_shown(parsed)}."
        raise ForbiddenError(message, "address_not_allowed")
    return parsed


def _parsed(url: str) -> URL:
    try:
        parsed = URL(url)
        problem = _misshapen(parsed)
    except ValueError as err:
        problem = f"This is no URL: {err}"
    if len(url) > _MOST_CHARS:
        problem = f"A URL has at most {_MOST_CHARS:,} characters."
    if problem is not None:
        raise InvalidInputError(problem, "invalid_request")
    return parsed


def _misshapen(url: URL) -> str | None:
    """Return in words what is wrong with a URL. Raises ValueError for some of it."""
    host = url.raw_host
    if url.scheme not in ("http", "https") or not host:
        return "A URL begins with http:// or https:// and the name of a host."
    if url.raw_user is not None or url.raw_password is not None:
        return "A URL may not hold a user's name or password; send them as a header."
    if not is_plain(host):
        return f"{host} is neither a name nor an address in its usual form, such as 192.0.2.1."
    return None


def _shown(url: URL) -> str:
    return str(url.origin())


def check_words(request: OutboundRequest) -> None:
    """Pass if method and headers can be sent as they are. Raises InvalidInputError."""
    if request.method.upper() not in _METHODS:
        message = f"The method is one of {', '.join(sorted(_METHODS))}."
        raise InvalidInputError(message, "invalid_request")
    for name, value in request.headers.items():
        if not _TOKEN.fullmatch(name) or not _SAID.fullmatch(value) or name.lower() in _OURS:
            message = f"The header {name!r} cannot be sent: it holds what no header may, or is not for you to set."
            raise InvalidInputError(message, "invalid_request")


def redirected(request: OutboundRequest, at: URL, status: int, headers: Mapping[str, str]) -> OutboundRequest | None:
    """Return what to ask next, if this answer sends us elsewhere; None if it is the last.

    Another origin hears nothing that was meant for the first (RFC 9110, section 15.4): no header, and no body, so that
    a redirect which wants it sent there is not followed.
    """
    where = headers.get("location")
    if request.redirects == 0 or status not in _REDIRECTS or not where:
        return None
    try:
        there = at.join(URL(where))
        is_same = there.origin() == at.origin()
    except ValueError as err:
        message = f"{_shown(at)} redirects to what is no URL: {err}"
        raise InvalidInputError(message, "invalid_request") from None
    changes = request.method.upper() not in ("GET", "HEAD")
    becomes_get = status in _AS_GET and changes
    if changes and not becomes_get and not is_same:
        return None
    return replace(
        request,
        url=str(there),
        method="GET" if becomes_get else request.method,
        body=None if becomes_get or not is_same else request.body,
        headers={
            name: value
            for name, value in request.headers.items()
            if (is_same or name.lower() in _HARMLESS) and not (becomes_get and name.lower() in _OF_BODY)
        },
        redirects=request.redirects - 1,
    )
