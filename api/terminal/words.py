"""Values as short words for a terminal, without anything that could steer it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from runtime.core.message import ImageFilePart, ImagePart, Part, TextPart, ToolCallPart

BRIEF_CHARS: Final = 100
FIELD_CHARS: Final = 254  # the longest e-mail address
# Text of models and tools is not trusted: control characters other than tab and newline stay out.
_CONTROLS: Final = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}
_MS_PER_S: Final = 1000


def clean(text: str) -> str:
    """Return a text without escape sequences and other control characters."""
    return text.translate(_CONTROLS)


def brief(text: str, most: int = BRIEF_CHARS) -> str:
    """Return a text on one line, cut to `most` characters."""
    line = " ".join(clean(text[: 8 * most]).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def fields(*values: str) -> str:
    """Return values on a line, for scripts: between them are tabs, and nowhere else."""
    return "\t".join(brief(value, FIELD_CHARS) for value in values)


def call(name: str, arguments: Mapping[str, Any] | None) -> str:
    """Return a tool call as a programmer would write it."""
    given = arguments or {}
    pairs = ", ".join(f"{key}={msgspec.json.encode(value).decode()}" for key, value in given.items())
    return brief(f"{name}({pairs})")


def content(parts: Sequence[Part] | None) -> str:
    """Return what a person would see of a message: its text, and that there are pictures."""
    return "".join(_part(part) for part in parts or ())


def duration(milliseconds: int | None) -> str:
    """Return how long something took; empty if nobody knows."""
    if milliseconds is None:
        return ""
    return f"{milliseconds} ms" if milliseconds < _MS_PER_S else f"{milliseconds / _MS_PER_S:.1f} s"


def _part(part: Part) -> str:
    match part:
        case TextPart(text):
            return text
        case ImagePart() | ImageFilePart():
            return "[picture]"
        case ToolCallPart():
            return ""
        case _:
            return part.error or str(part.result)
