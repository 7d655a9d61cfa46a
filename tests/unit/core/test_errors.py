"""Every error crosses a process boundary with its fields."""

import pickle
from dataclasses import MISSING, fields
from typing import Any

import pytest

from runtime.core import errors
from runtime.core.errors import ConflictError, NotFoundError, PerdureError, StaleEpochError


def _leaves(cls: type[PerdureError]) -> list[type[PerdureError]]:
    children = cls.__subclasses__()
    return [leaf for child in children for leaf in _leaves(child)] if children else [cls]


VALUES: dict[str, Any] = {"str": "some {braces}", "int": 7, "float": 1.5, "int | None": 503, "bool": True}
LEAVES = _leaves(PerdureError)


def example(cls: type[PerdureError]) -> PerdureError:
    return cls(**{f.name: VALUES[str(getattr(f.type, "__name__", f.type))] for f in fields(cls)})


@pytest.mark.parametrize("cls", LEAVES)
def test_an_error_survives_pickling_with_its_fields(cls: type[PerdureError]) -> None:
    error = example(cls)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  what Ray does with it
    assert type(again) is cls
    assert again.detail() == error.detail()
    assert str(again) == str(error)
    assert again.stable_code == error.stable_code


@pytest.mark.parametrize("cls", LEAVES)
def test_an_error_has_a_code_and_words_of_its_own(cls: type[PerdureError]) -> None:
    error = example(cls)
    assert cls.code != PerdureError.code
    assert cls.template != PerdureError.template
    assert str(error)
    assert cls.__name__ in (errors.__doc__ or ""), "the tree at the top shows every leaf"


@pytest.mark.parametrize("cls", LEAVES)
def test_fields_with_defaults_come_last(cls: type[PerdureError]) -> None:
    has_default = [f.default is not MISSING for f in fields(cls)]
    assert has_default == sorted(has_default)


def test_codes_may_come_from_a_field() -> None:
    assert NotFoundError("session", "x").stable_code == "session_not_found"
    assert ConflictError("m", "agent_archived").stable_code == "agent_archived"
    assert StaleEpochError("s", 1).stable_code == "stale_epoch"


def test_clients_find_the_words_that_they_search_for() -> None:
    assert "not waiting for tool results" in str(ConflictError.not_waiting())
