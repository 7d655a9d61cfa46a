"""Short names for folders in which sockets are made: their names may have a hundred bytes only (unix(7))."""

import hashlib
import os
from pathlib import Path

from runtime.core.errors import ConflictError


def short_name(folder: Path, limit_bytes: int) -> Path:
    """Return the folder, or where a link to it belongs if its own name is longer than the limit.

    It is the same each time, so a kill -9 leaves one link at most, which the next start takes over.
    """
    name = os.fsencode(folder)
    return folder if len(name) <= limit_bytes else Path("/tmp") / f"perdure-{hashlib.sha256(name).hexdigest()[:12]}"  # noqa: S108  owner checked


def link(name: Path, folder: Path) -> None:
    """Make the link anew, if the name is one: whoever still clears up after a former owner knows it for another.

    It opens nothing: who may not enter the folder gets no further by it.

    Raises:
        ConflictError: something else is in its place.
    """
    if name == folder:
        return
    if _is_taken(name, folder):
        message = f"{name} is in the way: remove it, or choose a data dir with a shorter path."
        raise ConflictError(message, "temporary_path_taken")
    draft = name.with_name(f"{name.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.symlink_to(folder)
    draft.rename(name)


def _is_taken(name: Path, folder: Path) -> bool:
    try:
        return name.lstat().st_uid != os.geteuid() or name.readlink() != folder
    except FileNotFoundError:
        return False
    except OSError:  # it is no link
        return True


def unlink(name: Path, folder: Path) -> None:
    """Remove the link, if there is one."""
    if name != folder and name.is_symlink():
        name.unlink()
