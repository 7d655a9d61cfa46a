"""Search in files and among them.

Patterns come from models and strangers, so they run on RE2: linear in the text, whatever the pattern.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

import re2

from runtime.core.errors import InvalidInputError
from runtime.core.files.paths import MOUNT, is_unicode

MAX_PATTERN_CHARS: Final = 1000
MAX_LINE_CHARS: Final = 2000

_REGEX_BYTES: Final = 8 << 20
_GLOB: Final = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


class Match(Protocol):
    """Where a pattern matched."""

    def start(self) -> int:
        """Return the offset of the first byte."""
        ...


class Pattern(Protocol):
    """A compiled pattern."""

    def search(self, text: bytes, pos: int = 0) -> Match | None:
        """Return the first match at or after `pos`."""
        ...


def compile_pattern(pattern: str) -> Pattern:
    r"""Compile a regular expression in RE2's syntax: no look-around, no back references, never slow.

    `^` and `$` are the ends of lines, and no match crosses one; `\A` and `\z` are the ends of the file.

    Raises:
        InvalidInputError: it is too long, or not valid.
    """
    if not pattern or len(pattern) > MAX_PATTERN_CHARS or not is_unicode(pattern):
        message = f"A pattern has 1 to {MAX_PATTERN_CHARS} characters."
        raise InvalidInputError(message, "invalid_pattern")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _REGEX_BYTES
    options.never_nl = True
    try:
        compiled: Pattern = re2.compile(f"(?m){pattern}", options)
    except re2.error as err:
        reason = err.args[0].decode(errors="replace").replace("(?m)", "", 1)
        message = f"Not a valid pattern: {reason}. The syntax is RE2's."
        raise InvalidInputError(message, "invalid_pattern") from err
    re2.purge()  # its cache keeps 128 patterns, and each may hold `max_mem`
    return compiled


def matching_lines(content: bytes, pattern: Pattern, limit: int) -> Iterator[tuple[int, str]]:
    """Yield number (from 1) and text of the first `limit` lines that match; long lines are cut."""
    text = content.replace(b"\r\n", b"\n").removesuffix(b"\n")
    number, counted, start = 1, 0, 0
    while limit > 0 and content and start <= len(text) and (match := pattern.search(text, start)):
        line_start = text.rfind(b"\n", 0, match.start()) + 1
        line_end = text.find(b"\n", line_start)
        line_end = len(text) if line_end < 0 else line_end
        number += text.count(b"\n", counted, line_start)
        yield number, text[line_start:line_end].decode(errors="replace")[:MAX_LINE_CHARS]
        limit -= 1
        counted, start = line_start, line_end + 1


def glob(paths: Iterable[str], pattern: str) -> Sequence[str]:
    """Return the paths that match a shell pattern with `**`; one without a slash matches in every directory.

    Raises:
        InvalidInputError: as `compile_pattern`.
    """
    pattern = pattern.removeprefix("/").removeprefix(f"{MOUNT}/")
    anchored = pattern if "/" in pattern else f"**/{pattern}"
    tokens = re.split(r"(\*\*/|\*\*|\*|\?)", anchored)
    translated = "".join(_GLOB.get(token) or re2.escape(token) for token in tokens)
    compiled = compile_pattern(f"\\A/{translated}\\z")
    return [path for path in paths if compiled.search(path.encode())]
