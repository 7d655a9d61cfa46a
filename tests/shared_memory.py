"""Shared memory, which outlives the processes that do not give it back."""

from collections.abc import Sequence
from pathlib import Path

import psutil


def mapped(processes: Sequence[psutil.Process]) -> tuple[set[Path], set[str]]:
    """Return the shared memory of processes: files, and ids of System V segments."""
    files: set[Path] = set()
    segments: set[str] = set()
    for process in processes:
        for line in _maps(process):
            *_, inode, path = [*line.split(maxsplit=5), "", ""][4:6]
            if path.startswith("/dev/shm/") and not path.endswith("(deleted)"):  # noqa: S108  looked at
                files.add(Path(path))
            elif path.startswith("/SYSV"):
                segments.add(inode)
    return files, segments


def _maps(process: psutil.Process) -> Sequence[str]:
    try:
        return Path(f"/proc/{process.pid}/maps").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return ()


def segments_there() -> set[str]:
    """Return the ids of all System V segments of this machine."""
    return {line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]}
