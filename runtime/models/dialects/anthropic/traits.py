"""What differs from model to model of Anthropic's: how long an answer may be, and how thinking is asked for."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

BUDGET_ROOM_TOKENS: Final = 4_096  # for the answer, beyond what may be thought

_ADAPTIVE: Final = "adaptive"  # the model itself decides how long to think
_BUDGET_TOKENS: Final[Mapping[str, int]] = {
    "minimal": 1_024,
    "low": 2_048,
    "medium": 10_000,
    "high": 16_384,
    "xhigh": 32_768,
}
_USUAL_BUDGET_TOKENS: Final = 10_000


class Traits(NamedTuple):
    """One family of models.

    `top_effort` is what our highest level is called, None if the model takes no level. `off` is the kind of thinking
    that comes closest to none, None where none is what a silent request gets.
    """

    output_tokens: int = 16_384
    adapts: bool = True
    top_effort: str | None = None
    off: str | None = None


_NEW: Final = Traits(128_000, top_effort="xhigh")
_ALWAYS_THINKS: Final = _NEW._replace(off=_ADAPTIVE)

# By the beginning of the name; the first that fits.
_FAMILIES: Final[tuple[tuple[tuple[str, ...], Traits], ...]] = (
    (("claude-fable-5", "claude-mythos-5", "claude-opus-5-5"), _ALWAYS_THINKS),
    (("claude-sonnet-5-5",), _NEW._replace(off="between_tools")),
    (("claude-opus-5", "claude-sonnet-5", "claude-haiku-5-5"), _NEW._replace(off="disabled")),
    (("claude-mythos-preview",), Traits()),
    (("claude-opus-4-7", "claude-opus-4-8"), _NEW),
    (("claude-opus-4-6", "claude-sonnet-4-6"), _NEW._replace(top_effort="max")),
    (("claude-opus-4-5",), Traits(64_000, adapts=False, top_effort="high")),
    (("claude-sonnet-4-5", "claude-haiku-4-5"), Traits(64_000, adapts=False)),
    (  # what may be answered counts against their context window, so a long conversation needs it small
        (
            *("claude-3", "claude-4-"),
            *("claude-opus-4-0", "claude-opus-4-1", "claude-opus-4-2", "claude-opus-4@"),
            *("claude-sonnet-4-0", "claude-sonnet-4-2", "claude-sonnet-4@"),
        ),
        Traits(4_096, adapts=False),
    ),
)
_EXACTLY: Final[Mapping[str, Traits]] = dict.fromkeys(("claude-opus-4", "claude-sonnet-4"), Traits(4_096, adapts=False))
_UNKNOWN: Final = Traits(adapts=False)


def traits(model: str) -> Traits:
    """Return what is known of a model."""
    if model in _EXACTLY:
        return _EXACTLY[model]
    return next((found for names, found in _FAMILIES if model.startswith(names)), _UNKNOWN)


def thinking(model: str, effort: str | None) -> dict[str, Any]:
    """Return the parameters of a request that say how long its answer may be, and how hard to think about it."""
    known = traits(model)
    kind, level = _wished(known, effort)
    budget_tokens = 0
    made: dict[str, Any] = {}
    if kind == "enabled":
        budget_tokens = _BUDGET_TOKENS.get(effort or "", _USUAL_BUDGET_TOKENS)
        made["thinking"] = {"type": kind, "budget_tokens": budget_tokens}
    elif kind is not None:
        made["thinking"] = {"type": kind}
    if level is not None:
        made["output_config"] = {"effort": level}
    return {"max_tokens": max(known.output_tokens, budget_tokens + BUDGET_ROOM_TOKENS), **made}


def _wished(known: Traits, effort: str | None) -> tuple[str | None, str | None]:
    """Return the kind of thinking and the level of effort; None is left to the vendor."""
    if effort is None:
        return None, None
    if effort == "none":
        return known.off, "low" if known.off == _ADAPTIVE else None
    return _ADAPTIVE if known.adapts else "enabled", _level(known, effort)


def _level(known: Traits, effort: str) -> str | None:
    if known.top_effort is None or effort not in _BUDGET_TOKENS:
        return None
    if effort == "xhigh":
        return known.top_effort
    return "low" if effort == "minimal" else effort
