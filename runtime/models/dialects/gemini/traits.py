"""What differs between Gemini's models: how they are asked to think, and what they answer with."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

SCALE: Final = ("MINIMAL", "LOW", "MEDIUM", "HIGH")
_LEVELS: Final[Mapping[str, str]] = {
    "minimal": "MINIMAL",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "HIGH",
}
_NONE: Final = "none"
_LEAST_TOKENS: Final = 128  # that a model which always thinks may be given
_TOKENS: Final[Mapping[str, int]] = {
    "minimal": _LEAST_TOKENS,
    "low": 2_048,
    "medium": 8_192,
    "high": 24_576,
    "xhigh": 24_576,
}
# By the beginning of the name, the first that fits; others take every level.
# https://ai.google.dev/gemini-api/docs/thinking#thinking-levels
_TAKEN: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("gemini-3.1-flash-lite-image", ("MINIMAL", "HIGH")),
    ("gemini-3.1-flash-image", ("MINIMAL", "HIGH")),
    ("gemini-3.7-flash", ("LOW", "MEDIUM", "HIGH")),
    ("gemini-3.8-flash", ("LOW", "MEDIUM", "HIGH")),
    ("gemini-3.1-pro-preview", ("LOW", "MEDIUM", "HIGH")),
    ("gemini-3-pro-preview", ("LOW", "HIGH")),
    ("gemini-4-argon", ("LOW", "MEDIUM", "HIGH")),
    ("gemini-4-carbon", ("LOW", "MEDIUM", "HIGH")),
)


def thinking(model: str, effort: str | None) -> Mapping[str, Any] | None:
    """Return the thinking config for an effort; None where nothing is asked, or the model cannot think."""
    if effort is None or not _can_think(model):
        return None
    how = _by_tokens(model, effort) if "gemini-2.5" in model else _by_level(model, effort)
    return how if effort == _NONE else {"include_thoughts": True, **how}


def modalities(model: str) -> Sequence[str]:
    """Return what a model answers with."""
    return ("TEXT", "IMAGE") if "image" in model else ("TEXT",)


def keeps_to_schemas(model: str) -> bool:
    """Tell whether a model can be held to the schemas of its tools."""
    return _can_think(model) and "image" not in model


def _can_think(model: str) -> bool:
    if "gemini-2.5" in model:
        return "gemini-2.5-flash-image" not in model
    return model != "gemini-pro" and not any(old in model for old in ("gemini-1", "gemini-2.", "gemma"))


def _by_tokens(model: str, effort: str) -> Mapping[str, Any]:
    if effort == _NONE:
        always_thinks = "pro" in model and "flash" not in model
        return {"thinking_budget": _LEAST_TOKENS if always_thinks else 0}
    return {"thinking_budget": _TOKENS[effort]} if effort in _TOKENS else {}


def _by_level(model: str, effort: str) -> Mapping[str, Any]:
    asked = "MINIMAL" if effort == _NONE else _LEVELS.get(effort)
    return {} if asked is None else {"thinking_level": _nearest(asked, _levels(model))}


def _levels(model: str) -> Sequence[str]:
    return next((levels for name, levels in _TAKEN if model.startswith(name)), SCALE)


def _nearest(asked: str, levels: Sequence[str]) -> str:
    """Return the level next to the one asked for, the lower of two."""
    return min(levels, key=lambda level: abs(SCALE.index(level) - SCALE.index(asked)))
