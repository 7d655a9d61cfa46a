"""How long a key means the message that it came with first."""

from datetime import UTC, datetime, timedelta

import msgspec

from runtime.core import event as ev
from runtime.core.message import Role
from tests.unit.core.logs import Log, message

START = datetime(2026, 1, 1, tzinfo=UTC)


def said_at(log: Log, hour: float, message_id: str, key: str | None = None) -> None:
    at = (START + timedelta(hours=hour)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    data = ev.InputMessage(message=msgspec.structs.replace(message(message_id, "hello"), created_at=at))
    log.add(data, ts=at, metadata={"idempotency_key": key} if key else None)


def accepted(log: Log, hour: float, key: str | None = None, message_id: str = "another") -> str | None:
    """Return the id of the message that one which comes with this key or id at that hour is a repeat of."""
    at = (START + timedelta(hours=hour)).isoformat()
    given = msgspec.structs.replace(message(message_id, "hello"), created_at=at)
    found = log.state.inputs.find(given, key, log.state.messages)
    return None if found is None else found.id


def test_a_key_is_remembered_for_a_day_however_many_come_after_it() -> None:
    log = Log()
    for number in range(600):
        said_at(log, number / 25, f"m{number}", f"k{number}")
    assert {accepted(log, 24, f"k{number}") for number in range(600)} == {f"m{number}" for number in range(600)}
    assert accepted(log, 24, "k600") is None


def test_a_key_means_another_message_after_a_day() -> None:
    log = Log()
    said_at(log, 0, "m1", "k")
    assert (accepted(log, 24, "k"), accepted(log, 24.1, "k")) == ("m1", None)
    said_at(log, 24.1, "m2", "k")
    assert accepted(log, 48, "k") == "m2"


def test_a_message_without_a_key_is_known_by_its_id() -> None:
    log = Log()
    said_at(log, 0, "m1")
    assert (accepted(log, 1, message_id="m1"), accepted(log, 1, message_id="m2")) == ("m1", None)


def test_what_was_said_during_a_model_call_is_found_where_it_is_by_now() -> None:
    log = Log().reasoning()
    said_at(log, 0, "m2", "k")
    log.add(ev.OutputCompleted(message=message("a1", "hi", Role.AGENT)))
    assert [t.message.id for t in log.state.messages] == ["m1", "a1", "m2"]
    assert accepted(log, 1, "k") == "m2"


def test_the_state_does_not_grow_with_keys_of_the_past() -> None:
    log = Log()
    for hour in range(24 * 10):
        said_at(log, hour, f"m{hour}", f"k{hour}")
        assert len(log.state.inputs.latest) + len(log.state.inputs.older) <= 50  # of two days
