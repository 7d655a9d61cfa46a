"""Workspace files: paths, text or binary, search and exact edits (contract concepts §7.4, §13).

Patterns come from models and strangers, so they run on RE2: linear in the text, whatever the pattern.
"""

import base64
import difflib
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NoReturn, Protocol

import msgspec
import re2

from runtime.core.errors import InvalidInputError

ROOT: Final = "/"
MOUNT: Final = "workspace"  # `/workspace/a` and `/a` are the same file

MAX_WORKSPACE_BYTES: Final = 500 * 1024 * 1024
MAX_FILE_BYTES: Final = 100 * 1024 * 1024
MAX_ENTRIES: Final = 100_000
MAX_PATH_BYTES: Final = 1024
MAX_NAME_BYTES: Final = 255
MAX_PATTERN_CHARS: Final = 1000
MAX_LINE_CHARS: Final = 2000
MAX_DIFF_CHARS: Final = 4000

_MAX_DIFF_LINES: Final = 1000
_CONTEXT_LINES: Final = 3
_SNIFFED_BYTES: Final = 8192
_REGEX_BYTES: Final = 8 << 20
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_BOM: Final = "\ufeff"
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


class Edit(msgspec.Struct, frozen=True):
    """Replace `old_text`, which is in the file exactly once, by `new_text`."""

    old_text: str
    new_text: str


# ---------------------------------------------------------------- paths


def canonical(path: str) -> str:
    """Return the one form of a path: absolute, without the mount, without a trailing slash.

    Raises:
        InvalidInputError: it leaves the workspace, or holds an empty name, a control character, or too much.
    """
    if _CONTROL.search(path) or not _is_unicode(path):
        _refuse_path("A path must not hold control characters or broken Unicode.")
    if "//" in path:
        _refuse_path("A path must not hold an empty name (//).")
    names = [name for name in path.split("/") if name not in ("", ".")]
    if ".." in names:
        _refuse_path("A path must not leave the workspace (..).")
    while names[:1] == [MOUNT]:
        del names[0]
    if len("/".join(names).encode()) >= MAX_PATH_BYTES or any(len(n.encode()) > MAX_NAME_BYTES for n in names):
        _refuse_path(f"A path may have {MAX_PATH_BYTES} bytes, each of its names {MAX_NAME_BYTES}.")
    return ROOT + "/".join(names)


def writable(path: str) -> str:
    """Return the canonical form of a path that may be created or changed.

    Raises:
        InvalidInputError: as `canonical`, and for the root and for reserved names (`_…` at the root).
    """
    path = canonical(path)
    if path == ROOT:
        _refuse_path("The root of the workspace cannot be changed.")
    if path.startswith("/_"):
        message = "Names that start with _ are reserved at the root of the workspace."
        raise InvalidInputError(message, "reserved_path")
    return path


def parents(path: str) -> list[str]:
    """Return the directories above a canonical path, outermost first, without the root."""
    names = path.split("/")[1:-1]
    return ["/" + "/".join(names[: i + 1]) for i in range(len(names))]


def is_within(path: str, directory: str) -> bool:
    """Tell whether a canonical path is the directory or below it."""
    return directory in (ROOT, path) or path.startswith(f"{directory}/")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_path(message: str) -> NoReturn:
    raise InvalidInputError(message, "invalid_path")


# ---------------------------------------------------------------- content


def is_binary(content: bytes) -> bool:
    """Tell whether there is a NUL in the first 8 KB."""
    return b"\0" in content[:_SNIFFED_BYTES]


def digest(content: bytes) -> str:
    """Return `sha256:` and the hex digest."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def decode_content(content: str, encoding: str = "text") -> bytes:
    """Return the bytes of a file as the wire writes it, `text` or `base64`.

    Raises:
        InvalidInputError: another encoding, or not base64, or broken Unicode.
    """
    try:
        match encoding:
            case "text":
                return content.encode()
            case "base64":
                return base64.b64decode(content, validate=True)
    except ValueError as err:
        message = f"The content is not valid {encoding}."
        raise InvalidInputError(message, "invalid_content") from err
    message = "An encoding is text or base64."
    raise InvalidInputError(message, "invalid_encoding")


def encode_content(content: bytes) -> tuple[str, str]:
    """Return content and encoding as the wire writes them: what is not plain UTF-8 text goes as base64."""
    if not is_binary(content):
        try:
            return content.decode(), "text"
        except UnicodeDecodeError:
            pass
    return base64.b64encode(content).decode(), "base64"


# ---------------------------------------------------------------- search


def compile_pattern(pattern: str) -> Pattern:
    r"""Compile a regular expression in RE2's syntax: no look-around, no back references, never slow.

    `^` and `$` are the ends of lines, and no match crosses one; `\A` and `\z` are the ends of the file.

    Raises:
        InvalidInputError: it is too long, or not valid.
    """
    if not pattern or len(pattern) > MAX_PATTERN_CHARS or not _is_unicode(pattern):
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


# ---------------------------------------------------------------- edits


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
