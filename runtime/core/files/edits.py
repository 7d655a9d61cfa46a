"""Exact edits of a text, and the diff that shows what came of them."""

import difflib
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NoReturn

import msgspec

from runtime.core.errors import InvalidInputError
from runtime.core.files.content import is_binary

MAX_DIFF_CHARS: Final = 4000

_MAX_DIFF_LINES: Final = 1000
_CONTEXT_LINES: Final = 3
_BOM: Final = "\ufeff"


class Edit(msgspec.Struct, frozen=True):
    """Replace `old_text`, which is in the file exactly once, by `new_text`."""

    old_text: str
    new_text: str


def apply_edits(content: bytes, edits: Sequence[Edit]) -> bytes:
    """Return the text with all edits made at once, its byte order mark and newline style kept.

    Raises:
        InvalidInputError: the file is binary, or an edit is not found, found twice, or overlaps another.
    """
    text = _decode(content)
    bom, body = (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)
    crlf = "\r\n" in body and "\n" not in body.replace("\r\n", "")
    if crlf:
        body = body.replace("\r\n", "\n")
    spans = sorted(_locate(body, edit, crlf=crlf) for edit in edits)
    if any(end > start for (_, end, _), (start, _, _) in pairwise(spans)):
        _refuse_edit("Two edits overlap; merge them into one.")
    for start, end, new in reversed(spans):
        body = body[:start] + new + body[end:]
    return (bom + (body.replace("\n", "\r\n") if crlf else body)).encode()


def bounded_diff(before: bytes, after: bytes, path: str) -> str:
    """Return a unified diff of a change; a large one is cut, a very large one is not shown.

    difflib takes time as the square of the lines, so it sees those only that are not the same at both ends.
    """
    old = before.decode(errors="replace").splitlines()
    new = after.decode(errors="replace").splitlines()
    head = _common(old, new)
    tail = _common(old[:head:-1], new[:head:-1])
    first, left_out = max(0, head - _CONTEXT_LINES), max(0, tail - _CONTEXT_LINES)
    old, new = old[first : len(old) - left_out], new[first : len(new) - left_out]
    if len(old) + len(new) > _MAX_DIFF_LINES:
        return f"--- {path}\n+++ {path}\n[too many lines to show]"
    lines = difflib.unified_diff(old, new, path, path, lineterm="", n=_CONTEXT_LINES)
    diff = "\n".join(_shifted(line, first) if line.startswith("@@") else line for line in lines)
    return diff if len(diff) <= MAX_DIFF_CHARS else diff[:MAX_DIFF_CHARS] + "\n[diff cut]"


def _common(some: Sequence[str], others: Sequence[str]) -> int:
    pairs = zip(some, others, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(some), len(others)))


def _shifted(hunk: str, lines: int) -> str:
    """Return the head of a hunk (`@@ -1,2 +1,2 @@`) for a text that has so many lines before."""
    return re.sub(r"(?<=[-+])\d+", lambda number: str(int(number[0]) + lines), hunk)


def _decode(content: bytes) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        _refuse_edit("Only UTF-8 text can be edited.")
    if is_binary(content):
        _refuse_edit("Only text can be edited; this file is binary.")
    return text


def _locate(body: str, edit: Edit, *, crlf: bool) -> tuple[int, int, str]:
    old, new = edit.old_text, edit.new_text
    if crlf:
        old, new = old.replace("\r\n", "\n"), new.replace("\r\n", "\n")
    if not old:
        _refuse_edit("old_text must not be empty.")
    start = body.find(old)
    if start < 0:
        _refuse_edit("old_text was not found; it must match exactly, blanks included.")
    if body.find(old, start + 1) >= 0:
        _refuse_edit("old_text is there more than once; add surrounding lines to make it unique.")
    return start, start + len(old), new


def _refuse_edit(message: str) -> NoReturn:
    raise InvalidInputError(message, "invalid_edit")
