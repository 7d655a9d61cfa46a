"""What crosses from one process to another while old and new code run side by side (docs/cluster.md, upgrades)."""

from typing import Any

import msgspec


class Wire(msgspec.Struct, frozen=True):
    """A value whose reader may be older or newer than its writer, if fields are only ever added last, with a default.

    Pickled by position, where it goes through Ray: a reader leaves out what it does not know, and what it misses has
    its default. On connections msgspec does the same (`runtime.wire.codec`).
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return _read, (type(self), msgspec.structs.astuple(self))


def _read(kind: type[Wire], values: tuple[Any, ...]) -> Wire:
    return kind(**dict(zip(kind.__struct_fields__, values, strict=False)))
