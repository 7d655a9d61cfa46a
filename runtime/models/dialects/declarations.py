"""Tools as a vendor is told of them: each is written once in a process."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from runtime.ports.model import ToolSpec

KEPT: Final = 1_024  # tools, in one process

_decoder: Final = msgspec.json.Decoder(ToolSpec)


def declared(
    tools: Iterable[ToolSpec], write: Callable[..., Mapping[str, Any]], *how: Hashable
) -> tuple[msgspec.Raw, ...]:
    """Return the JSON of what `write(tool, *how)` makes of each tool; `write` may use the tool up."""
    return tuple(_written(msgspec.json.encode(tool), write, *how) for tool in tools)


@lru_cache(KEPT)
def _written(spec: bytes, write: Callable[..., Mapping[str, Any]], *how: Hashable) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(write(_decoder.decode(spec), *how)))
