"""What clients have used of their rates, at all front doors together."""

from collections.abc import Mapping
from typing import Protocol


class RateUsage(Protocol):
    """The buckets that front doors share (see `runtime.core.rate`). It is told now and then, never for each request."""

    async def exchange(self, used_s: Mapping[str, float]) -> Mapping[str, float]:
        """Add what was taken from buckets, in seconds of filling; return how far each is from being full now.

        Raises:
            StoreUnavailableError: the database is away; whether it was added is not known.
        """
        ...

    async def forget_full(self) -> None:
        """Drop the buckets that have filled. Raises StoreUnavailableError."""
        ...
