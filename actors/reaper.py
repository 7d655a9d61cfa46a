"""Ends the processes that Ray leaves behind: some seconds after a shutdown, a minute after a kill -9 of ours."""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import psutil

# Its standard input closes when we die, however we die. Ray's agents would then try for 60 s to tell a dead GCS so.
# The link may be the next owner's by then, who has made it anew.
_GUARD: Final = """
read -r _; link=$0; inode=$1; shift
kill -KILL "$@" 2>/dev/null
case "$(ls -di "$link" 2>/dev/null)" in "$inode $link" | *" $inode $link") rm -f "$link" ;; esac
"""
_ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin"}


def processes_of(temp_dir: Path) -> list[psutil.Process]:
    """Return the running processes of the Ray that this process started in `temp_dir`."""
    # Ours among all children are those that were told to work there, and what they started in turn.
    roots = [child for child in psutil.Process().children() if _works_in(temp_dir, child)]
    return [process for root in roots for process in (*root.children(recursive=True), root)]


def strays_of(sessions: Sequence[Path]) -> list[psutil.Process]:
    """Return the running processes of ours that were told to work in these folders, whoever's children they are by now.

    They are Ray's own, named after the moment and the process that started it, so no other's processes are among them.
    """
    return [process for process in psutil.process_iter() if _is_told_to(sessions, process)]


def named(processes: Sequence[psutil.Process]) -> Iterator[tuple[psutil.Process, str]]:
    """Yield processes with their names; those that are gone already are left out."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            yield process, process.name()


class Guard:
    """A small process that, should we be killed, kills the given processes and removes the link."""

    def __init__(self, processes: Sequence[psutil.Process], link: Path | None) -> None:
        pids = [str(process.pid) for process in processes]
        self._shell = subprocess.Popen(  # noqa: S603  the command is our own
            ["/bin/sh", "-c", _GUARD, str(link or ""), str(link.lstat().st_ino if link else 0), *pids],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """End the guard, without harm to those it guards."""
        self._shell.kill()
        self._shell.communicate()


def _is_told_to(sessions: Sequence[Path], process: psutil.Process) -> bool:
    folders = tuple(map(str, sessions))
    try:
        if process.uids().real != os.getuid():
            return False
        options = [argument for argument in process.cmdline() if argument.startswith("--")]
        return any(option.partition("=")[2].startswith(folders) for option in options)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _works_in(temp_dir: Path, process: psutil.Process) -> bool:
    try:
        return any(f"{temp_dir}/session_" in argument for argument in process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
