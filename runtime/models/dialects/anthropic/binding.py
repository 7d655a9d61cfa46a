"""Thoughts that are bound to what was said before them.

Newer models refuse a thought that is given back after other words than it was thought after, as when the system's
words or the tools have changed since. The vendor then leaves such thoughts out if it is asked to, for good.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from runtime.core.message import Turned
from runtime.models.dialects.dialect import RefusedError
from runtime.ports.model import ModelRequest

BETA: Final = "thinking-binding-controls-2026-08-01"

_BOUND: Final = (
    *("claude-fable-5-1", "claude-fable-5-2", "claude-mythos-5-2"),
    *("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"),
)
_REFUSED: Final = b"The block is bound to a different conversation"
_DROPPED: Final = b'"dropped":true'  # in the text of a JSON string, no quote stands like that
_BAD_REQUEST: Final = 400


class Change(msgspec.Struct, frozen=True):
    """What the vendor changed in what it was given."""

    type: str = ""
    reason: str | None = None


def is_drop(changes: Iterable[Change]) -> bool:
    """Tell whether the vendor left out a thought that is bound to other words."""
    return any(each.type == "thinking_dropped" and each.reason == "prefix_binding_mismatch" for each in changes)


def must_drop(request: ModelRequest, parameters: Mapping[str, Any]) -> bool:
    """Tell whether the vendor left out thoughts of this conversation before, and so has to be asked again."""
    return _may_drop(request, parameters) and any(map(_has_dropped, request.history))


def is_stale(request: ModelRequest, parameters: Mapping[str, Any], refused: RefusedError) -> bool:
    """Tell whether a request was refused for a thought that the vendor would leave out."""
    return refused.status == _BAD_REQUEST and _REFUSED in refused.body and _may_drop(request, parameters)


def dropping(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a request, so that the vendor leaves such thoughts out."""
    binding = {"prefix_mismatch_behavior": "drop_block"}
    return {**parameters, "thinking": {"type": "adaptive", "block_binding": binding}}


def _may_drop(request: ModelRequest, parameters: Mapping[str, Any]) -> bool:
    kind = parameters.get("thinking", {}).get("type", "adaptive")
    return request.model.name.startswith(_BOUND) and kind == "adaptive"


def _has_dropped(turned: Turned) -> bool:
    return turned.private is not msgspec.UNSET and _DROPPED in bytes(turned.private)
