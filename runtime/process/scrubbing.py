"""An environment without secrets, for processes that run tools: what they need of them reaches them otherwise.

What a name or value looks like decides, so a variable that a tool reads and that is no secret stays.
"""

import os
import re
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Final

_SECRET_NAME: Final = re.compile(
    r"(^|_)(API_?KEY|KEY|KEYS|TOKEN|TOKENS|SECRET|SECRETS|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|DSN|DATABASE_URL)(_|$)"
    r"|^PG(PASS|SERVICE)",
    re.IGNORECASE,
)
_PASSWORD_IN_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^\s:/@]*:[^\s/@]+@", re.IGNORECASE)
_NEEDED: Final = re.compile(r"RAY_.*|.*_PROXY", re.IGNORECASE)  # by Ray's processes, and by whoever calls models


def secret_names(environment: Mapping[str, str]) -> list[str]:
    """Return the names of what tools are not to see."""
    return [
        name
        for name, value in environment.items()
        if not _NEEDED.fullmatch(name) and (_SECRET_NAME.search(name) or _PASSWORD_IN_URL.search(value))
    ]


def scrub() -> None:
    """Take the secrets out of this process's environment, for good."""
    for name in secret_names(_environment()):
        del _environment()[name]


@contextmanager
def scrubbed() -> Iterator[None]:
    """Take them out for as long as processes are started that inherit it."""
    kept = {name: _environment().pop(name) for name in secret_names(_environment())}
    try:
        yield
    finally:
        _environment().update(kept)


def _environment() -> MutableMapping[str, str]:
    return os.environ  # noqa: TID251  of which this leaves less, and reads no setting
