"""Secrets of a server's own, kept in its data dir: made once, readable by its user alone."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def kept_text(path: Path, make: Callable[[], str]) -> str:
    """Return the line in a file of mode 0600, which is made if it is not there."""
    if not path.exists():
        _write(path, make())
    return path.read_text(encoding="ascii").strip()


def _write(path: Path, text: str) -> None:
    # Written aside and linked into place: a crash leaves no half secret, and of two servers one wins.
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
