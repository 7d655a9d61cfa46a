"""A lock on a folder that only one process may use. The kernel frees it when the process ends, however it ends."""

import fcntl
import os
from pathlib import Path

from runtime.core.errors import ConflictError


class FolderLock:
    """Held from `take` to `free`, by means of a file `lock` in the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds it."""
        return self._file is not None

    def take(self) -> None:
        """Lock the folder, which must exist.

        Raises:
            ConflictError: somebody else holds it.
        """
        file = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)  # not inherited by children
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            message = f"Another Perdure is running on {self._folder}: stop it, or choose another data dir."
            raise ConflictError(message, "data_dir_in_use") from None
        self._file = file

    def free(self) -> None:
        """Unlock; nothing happens if it is not held."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)
