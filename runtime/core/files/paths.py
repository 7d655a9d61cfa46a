"""Paths of a workspace: one form for each file, and none that leaves it (docs/wire.md, "Files")."""

import re
from typing import Final, NoReturn

from runtime.core.errors import InvalidInputError
from runtime.core.files.quotas import MAX_NAME_BYTES, MAX_PATH_BYTES

ROOT: Final = "/"
MOUNT: Final = "workspace"  # `/workspace/a` and `/a` are the same file

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def canonical(path: str) -> str:
    """Return the one form of a path: absolute, without the mount, without a trailing slash.

    Raises:
        InvalidInputError: it leaves the workspace, or holds an empty name, a control character, or too much.
    """
    if _CONTROL.search(path) or not is_unicode(path):
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


def is_unicode(text: str) -> bool:
    """Tell whether a text can be written as UTF-8: it holds no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_path(message: str) -> NoReturn:
    raise InvalidInputError(message, "invalid_path")
