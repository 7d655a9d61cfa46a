"""Values between processes of different versions."""

import pickle
from typing import Any

import pytest

from runtime.core.errors import ConflictError, PerdureError
from runtime.core.wire import Wire


class Today(Wire, frozen=True):
    """As one version has it."""

    name: str
    size: int = 1


class Tomorrow(Wire, frozen=True):
    """As the next one has it."""

    name: str
    size: int = 1
    mood: str = "calm"


def read_as(kind: type[Any], value: Wire) -> Any:
    """Return what a process reads that has `kind` where the writer has another class of the same name."""
    rebuild, (_, values) = value.__reduce__()
    return rebuild(kind, values)


@pytest.mark.parametrize(
    ("written", "kind", "read"),
    [
        (Today("a", 2), Tomorrow, Tomorrow("a", 2, "calm")),
        (Tomorrow("a", 2, "wild"), Today, Today("a", 2)),
        (Tomorrow("a"), Tomorrow, Tomorrow("a")),
    ],
)
def test_a_reader_takes_what_it_knows(written: Wire, kind: type[Any], read: Wire) -> None:
    assert read_as(kind, written) == read


def test_a_value_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(Today("a", 2))) == Today("a", 2)  # noqa: S301  our own bytes


def test_an_error_of_newer_code_keeps_what_is_known() -> None:
    rebuild, (kind, values) = ConflictError("Taken.", "taken").__reduce__()
    error: PerdureError = rebuild(kind, values | {"of_tomorrow": 1})
    assert error.detail() == {"message": "Taken.", "reason": "taken"}
