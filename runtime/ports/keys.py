"""The pairs that a session keeps."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from runtime.ports.listed import Listed


class KeyValue(msgspec.Struct, frozen=True):
    """One stored pair."""

    key: str
    value: str
    created_at: str
    updated_at: str


class KeyValues(Protocol):
    """The key-value store of one session."""

    async def set(self, key: str, value: str) -> None:
        """Store a value under a key."""
        ...

    async def get(self, key: str) -> str | None:
        """Return the value, or None."""
        ...

    async def delete(self, key: str) -> bool:
        """Forget a key; False if it was not there."""
        ...

    async def list(self) -> Sequence[KeyValue]:
        """Return every pair, by key."""
        ...


class ListedKeys(Protocol):
    """The same for whoever looks at a session from outside: a page at a time, for values may be large."""

    async def page(self, offset: int, limit: int) -> Listed[KeyValue]:
        """Return a part of the pairs, by key."""
        ...
