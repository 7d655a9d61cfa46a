"""Circuit breakers of endpoints of models, as all processes and operators see them."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import msgspec


class BreakerState(StrEnum):
    """Whether an endpoint is called: always, not, or by one that tries."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """One of them. Times are RFC 3339; `wait_s` is how long it is until somebody may try, by the database's clock.

    `failure_count` are the failures in a row that opened it, `success_count` the trials that closed it again.
    """

    provider: str
    state: BreakerState
    is_forced: bool
    failure_count: int
    success_count: int
    opened_at: str | None
    half_open_at: str | None
    last_failure_at: str | None
    updated_at: str
    wait_s: float


class SharedBreakers(Protocol):
    """What processes tell each other of endpoints. All methods raise StoreUnavailableError."""

    async def not_closed(self) -> Sequence[Breaker]:
        """Return those that are not closed."""
        ...

    async def fail(self, provider: str, failures: int, open_s: float) -> None:
        """Open one after so many more failures, for so long. One that was forced open stays so."""
        ...

    async def try_now(self, provider: str, lease_s: float) -> bool:
        """Let the asker try an endpoint, if it is time and nobody else does; one that does not come back loses it."""
        ...

    async def give_up(self, provider: str) -> None:
        """Let somebody else try at once what the asker tried, and broke off."""
        ...

    async def succeed(self, provider: str) -> None:
        """Close one after a trial that worked; one that was forced open stays so."""
        ...


class BreakerDesk(Protocol):
    """What operators see and do. All methods raise StoreUnavailableError."""

    async def listed(self) -> Sequence[Breaker]:
        """Return all that ever opened, by provider."""
        ...

    async def get(self, provider: str) -> Breaker:
        """Return one. Raises NotFoundError("circuit_breaker")."""
        ...

    async def force(self, provider: str) -> Breaker:
        """Open one until `close`."""
        ...

    async def close(self, provider: str) -> Breaker:
        """Close one, whoever opened it."""
        ...

    async def forget(self, provider: str) -> bool:
        """Drop one: it is closed, and its counts begin anew. Returns whether there was one."""
        ...
