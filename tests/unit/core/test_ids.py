"""Public ids, and the arithmetic of UUIDv7."""

import pytest

from runtime.core.errors import InvalidInputError
from runtime.core.ids import format_id, hex_of, is_id, next_uuid7, parse_id


def test_an_id_is_its_prefix_and_32_hex_digits() -> None:
    made = format_id("session", 255)
    assert made == "session_" + "0" * 30 + "ff"
    assert parse_id("session", made) == made
    assert is_id("session", made)
    assert hex_of(made) == "0" * 30 + "ff"


@pytest.mark.parametrize(
    "text", ["", "session_", "agent_" + "0" * 32, "session_" + "G" * 32, "session_" + "A" * 32, "session_" + "0" * 33]
)
def test_what_is_not_an_id_is_refused_with_its_own_code(text: str) -> None:
    assert not is_id("session", text)
    with pytest.raises(InvalidInputError) as refusal:
        parse_id("session", text)
    assert refusal.value.stable_code == "invalid_session_id"


@pytest.mark.parametrize("now_ms", [5, 4, 6, 0])
def test_a_uuid7_is_greater_than_the_last_whatever_the_clock_says(now_ms: int) -> None:
    last = next_uuid7(0, 5, 2**62 - 1)
    for _ in range(5000):  # more than the counter holds
        new = next_uuid7(last, now_ms, 0)
        assert new > last
        assert (new >> 76) & 0xF == 7
        assert (new >> 62) & 0b11 == 0b10
        last = new


def test_a_uuid7_carries_the_time_and_no_more_chance_than_there_is_room_for() -> None:
    made = next_uuid7(0, 1_234, 2**80)
    assert made >> 80 == 1_234
    assert made & (2**62 - 1) == 0
