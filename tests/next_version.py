"""The next version of Perdure, as far as an upgrade is concerned: another schema, another state, other messages."""

import shutil
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]
PACKAGES: Final = ("runtime", "actors", "api")
MIGRATION: Final = "ALTER TABLE sessions ADD COLUMN mood text;\n"

# File, what stands there once, and what stands there in the next version.
CHANGES: Final = (
    ("runtime/wire/protocol.py", "    given: Input\n", '    given: Input\n    mood: str = "calm"\n'),
    ("runtime/wire/protocol.py", "    partial: Frame | None\n", '    partial: Frame | None\n    mood: str = "calm"\n'),
    (
        "runtime/core/placement/directory.py",
        "    address: Address | None = None\n",
        '    address: Address | None = None\n    mood: str = "calm"\n',
    ),
    (
        "runtime/wire/protocol.py",
        "    void_epoch: int = 0\n    may_release: bool = False\n",
        '    void_epoch: int = 0\n    may_release: bool = False\n    mood: str = "calm"\n',
    ),
    ("runtime/wire/protocol.py", "    name: str\n", '    name: str\n    mood: str = "calm"\n'),
    (
        "runtime/wire/protocol.py",
        "    is_draining: bool = False\n",
        '    is_draining: bool = False\n    mood: str = "calm"\n',
    ),
    ("runtime/wire/protocol.py", "    has_failed: bool\n", '    has_failed: bool\n    mood: str = "calm"\n'),
    ("runtime/ports/gateway.py", "    waiting: int = 0\n", '    waiting: int = 0\n    mood: str = "calm"\n'),
    (
        "runtime/core/message.py",
        "    thinking: str | None = None\n\n    @property",
        '    thinking: str | None = None\n    mood: str = "calm"\n\n    @property',
    ),
    (
        "runtime/core/session/state.py",
        "    output_preview: str | None = None\n\n    @property",
        '    output_preview: str | None = None\n    mood: str = "calm"\n\n    @property',
    ),
    (
        "runtime/process/settings.py",
        "    lease_s:",
        '    mood: str = Field("calm", description="Of tomorrow")\n    lease_s:',
    ),
)


def make_next_version(home: Path) -> Path:
    """Write the next version's code below a folder, and return where it can be imported from."""
    for package in PACKAGES:
        shutil.copytree(
            REPOSITORY / package, home / package, ignore=shutil.ignore_patterns("__pycache__", "node_modules")
        )
    for name, old, new in CHANGES:
        text = (home / name).read_text()
        assert text.count(old) == 1, f"{name} has changed: {old!r}"
        (home / name).write_text(text.replace(old, new))
    migrations = home / "runtime" / "store" / "migrations"
    number = len(list(migrations.glob("*.sql"))) + 1
    (migrations / f"{number:04}_of_tomorrow.sql").write_text(MIGRATION)
    return home
