"""Where calls of models wait for their turn, if their provider has limits: one queue for all processes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol


@dataclass(frozen=True, slots=True)
class CallLimits:
    """What a provider is asked at most; None: as much as there is."""

    concurrent: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


UNLIMITED: Final = CallLimits()


class CallQueue(Protocol):
    """The queue. All methods raise StoreUnavailableError.

    A provider is known by its type if it is the server's own, else by its id. Limits may be others each time; where
    there are none any more, all go on.
    """

    async def enter(self, provider: str, flow: str, limits: CallLimits) -> tuple[int, bool]:
        """Take a ticket, for a while; return its number and whether the call may be made at once.

        `flow` is who waits together: flows have turns.
        """
        ...

    async def alive(self, provider: str, tickets: Collection[int], limits: CallLimits) -> Mapping[int, bool]:
        """Keep tickets alive for another while; return whether their calls may be made. Lapsed ones are left out."""
        ...

    async def leave(self, provider: str, ticket: int, tokens: int, limits: CallLimits) -> None:
        """Give a ticket back after a call that took so many tokens, and let others go on."""
        ...
