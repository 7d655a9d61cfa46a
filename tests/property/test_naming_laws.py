"""Whatever a call is named, strict vendors are told of it and of what came of it under the same name, which fits."""

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runtime.models.dialects.anthropic.anthropic import Anthropic
from runtime.models.dialects.converse.converse import Converse
from runtime.models.dialects.dialect import Called, Dialect

FITTING = st.text("abcXYZ019_-", min_size=1, max_size=64)
DIALECTS = [(Anthropic(), "id", "tool_use_id"), (Converse(), "toolUseId", "toolUseId")]


def told(dialect: Dialect, call: Called, id_in_call: str, id_in_result: str) -> tuple[str, str]:
    """Return the id and the name under which a vendor is told of a call, and of what came of it."""
    (answered,) = (json.loads(piece) for piece in dialect.answered([call]))
    returned = json.loads(dialect.returned(call, "3", has_failed=False))
    answered, returned = answered.get("toolUse", answered), returned.get("toolResult", returned)
    assert returned[id_in_result] == answered[id_in_call]
    return answered[id_in_call], answered["name"]


@pytest.mark.parametrize(("dialect", "id_in_call", "id_in_result"), DIALECTS, ids=["anthropic", "converse"])
@given(call_id=st.text(max_size=80), name=st.text(max_size=140))
@example("functions.add:0", "functions.add")
@example("", "")
def test_a_call_fits(dialect: Dialect, id_in_call: str, id_in_result: str, call_id: str, name: str) -> None:
    found = told(dialect, Called(call_id, name, "{}"), id_in_call, id_in_result)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", found[0])
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", found[1])
    assert len(found[1]) <= (64 if isinstance(dialect, Converse) else 128)


@pytest.mark.parametrize(("dialect", "id_in_call", "id_in_result"), DIALECTS, ids=["anthropic", "converse"])
@given(call_id=FITTING, name=FITTING)
def test_what_fits_stays(dialect: Dialect, id_in_call: str, id_in_result: str, call_id: str, name: str) -> None:
    assert told(dialect, Called(call_id, name, "{}"), id_in_call, id_in_result) == (call_id, name)
