"""Whatever a secret is, an event without it is an event of its type, and says it nowhere."""

from collections.abc import Iterator
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.core import event as ev
from runtime.core.message import Message, Role, TextPart
from runtime.engine.discretion import discreet
from runtime.process.redaction import SHORTEST, held
from runtime.process.veil import HIDDEN
from tests.property.test_veil_laws import BEGINNINGS

SESSION: Final = "session_of_a_law"
# Words of our own that events are made of, beside any of few letters.
OURS: Final = ("system", "tool_result", "commentary", "content", "metadata", "messages", "success", "tool_call")
secrets = st.lists(st.sampled_from(OURS) | st.text("ab-1", min_size=SHORTEST, max_size=8), min_size=1, max_size=3)


def texts(values: list[str]) -> st.SearchStrategy[str]:
    pieces = st.sampled_from([*values, *OURS, *BEGINNINGS]) | st.text("ab-1", max_size=3)
    return st.lists(pieces, max_size=4).map("".join)


def of(hint: Any, values: list[str]) -> st.SearchStrategy[Any]:
    """Return what a field of such a type may hold."""
    inner = [arg for arg in get_args(hint) if arg is not Ellipsis]
    if get_origin(hint) is UnionType:
        return st.one_of([of(arg, values) for arg in inner])
    if get_origin(hint) is tuple:
        return st.lists(of(inner[0], values), max_size=2).map(tuple)
    if get_origin(hint) is dict or hint is Any:
        return st.dictionaries(texts(values), texts(values) | st.lists(texts(values), max_size=2), max_size=2)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return st.fixed_dictionaries({
            name: of(get_type_hints(hint)[name], values) for name in hint.__struct_fields__
        }).map(lambda fields: hint(**fields))  # fmt: skip
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    simple = {NoneType: st.none(), bool: st.booleans(), int: st.integers(0, 9), float: st.just(0.5)}
    return simple[hint] if hint in simple else texts(values)


def said(value: Any) -> Iterator[str]:
    """Return the texts of an event that somebody wrote."""
    inner: list[Any] = []
    if isinstance(value, msgspec.Struct):
        names = (name for name in value.__struct_fields__ if name not in {"id", "type"})
        inner = [getattr(value, name) for name in names if not name.endswith(("_id", "_at"))]
    elif isinstance(value, dict):
        inner = [*value, *value.values()]
    elif isinstance(value, list | tuple):
        inner = list(value)
    elif isinstance(value, str) and not isinstance(value, Enum):
        yield value
    for each in inner:
        yield from said(each)


@pytest.mark.parametrize("event_type", sorted(ev.PAYLOADS))
@settings(max_examples=20)
@given(st.data())
def test_an_event_is_of_its_type_whatever_is_hidden_in_it(event_type: str, data: st.DataObject) -> None:
    values = data.draw(secrets)
    event = data.draw(of(ev.PAYLOADS[event_type], values))
    held.hold(SESSION, values)
    try:
        shown = discreet(event, SESSION)
    finally:
        held.drop(SESSION)
    assert msgspec.convert(msgspec.to_builtins(shown), type(event)) == shown
    assert not any(value in left for text in said(shown) for left in text.split(HIDDEN) for value in values)


def test_what_an_event_is_found_by_stays_where_its_words_do_not() -> None:
    held.hold(SESSION, ["system", "message_1", "2026-12"])
    said_then = Message(id="message_1", role=Role.SYSTEM, content=(TextPart("a system"),), created_at="2026-12-01")
    try:
        shown = discreet(ev.InputMessage(message=said_then, user_id="message_1"), SESSION)
    finally:
        held.drop(SESSION)
    kept = msgspec.structs.replace(said_then, content=(TextPart(f"a {HIDDEN}"),))
    assert shown == ev.InputMessage(message=kept, user_id="message_1")
