"""What a tool asks of the Internet, and what it hears."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundRequest:
    """One request. It is given `within_s` in all, redirects and the whole answer included, and `most_bytes` unpacked.

    The server's own limits hold if they are narrower. `redirects` are followed at most; with 0 a redirect is an answer
    like any other. What `headers` say goes to the origin that `url` names; to another, where a redirect may lead, only
    what content is wanted.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    within_s: float = 30.0
    most_bytes: int = 5_000_000
    redirects: int = 5


@dataclass(frozen=True, slots=True)
class OutboundReply:
    """A whole answer: `url` is where it came from in the end; names of `headers` are in lower case."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes


class OutboundStream(Protocol):
    """An answer that is read as it comes: `url` is where from in the end; names of `headers` are in lower case."""

    status: int
    url: str
    headers: Mapping[str, str]

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body, unpacked, in pieces.

        Raises:
            LimitExceededError: it is larger than was asked for.
            AddressUnavailableError: it broke off.
        """
        ...


class Outbound(Protocol):
    """The way out of one session: to where its agent's `network_access` allows, and never inside.

    Inside is what no stranger reaches: this machine, private networks, link-local and metadata addresses, however they
    are written and whatever leads there.
    """

    async def fetch(self, request: OutboundRequest) -> OutboundReply:
        """Ask, and return the whole answer, whatever its status.

        Raises:
            InvalidInputError: no such URL, method or header.
            ForbiddenError: it leads where the agent may not go, or inside.
            LimitExceededError: the answer is larger than was asked for.
            AddressUnavailableError: nobody answers there, or not in time.
        """
        ...

    def stream(self, request: OutboundRequest) -> AbstractAsyncContextManager[OutboundStream]:
        """Ask, and read the answer as it comes; leaving closes the connection. Raises as `fetch` does."""
        ...
