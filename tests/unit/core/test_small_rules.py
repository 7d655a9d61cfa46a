"""Retries, restarts, placement, ids and words: small rules as tables."""

from math import inf

import pytest

from runtime.core.errors import InvalidInputError, ModelRejectedError, ModelUnavailableError, ToolError
from runtime.core.failure import TOLD_IN_FULL, WORDS, code_of, explain, fields_of
from runtime.core.ids import format_id, hex_of, is_id, next_uuid7, parse_id
from runtime.core.residency import (
    Company,
    Limits,
    Queue,
    Room,
    choose,
    choose_node,
    max_actors,
    missing_standbys,
    surplus,
)
from runtime.core.retry import JITTER, backoff_s
from runtime.core.supervision import Crash, Intensity, Record, Standing, company, judge

# ---------------------------------------------------------------- retry


@pytest.mark.parametrize(
    ("attempt", "chance", "asked_s", "delay_s"),
    [
        (0, 0.5, 0.0, 1.0),
        (3, 0.5, 0.0, 8.0),
        (9, 0.5, 0.0, 30.0),
        (0, 0.0, 0.0, 1.0 - JITTER),
        (9, 0.999, 0.0, 30.0),  # jitter does not go past the most
        (0, 0.5, 7.0, 7.0),  # what the vendor asked for wins …
        (0, 0.5, 90.0, 30.0),  # … up to the most
        (5, 0.5, 7.0, 30.0),
    ],
)
def test_the_delay_doubles_with_jitter_up_to_the_most(
    attempt: int, chance: float, asked_s: float, delay_s: float
) -> None:
    assert backoff_s(attempt, 1.0, 30.0, chance, asked_s) == pytest.approx(delay_s)


# ---------------------------------------------------------------- supervision

THREE = Intensity(restarts=3, window_s=60.0)


def standings(*crashes: tuple[float, int]) -> list[Standing]:
    record = Record()
    found = []
    for at, steps in crashes:
        record = judge(record, at, steps, THREE, has_crashed=True)
        found.append(record.standing)
    return found


def test_crashes_without_progress_use_up_the_intensity_and_then_the_session_rests() -> None:
    found = standings(*((float(second), 5) for second in range(9)))
    assert found == [Standing.FREE] * 3 + [Standing.QUARANTINED] * 4 + [Standing.GIVEN_UP] * 2


def test_time_does_not_lift_a_quarantine_nor_bring_back_what_was_given_up() -> None:
    found = standings(*((float(second), 5) for second in range(4)), *((100.0 * number, 5) for number in range(1, 7)))
    assert found[3:] == [Standing.QUARANTINED] * 4 + [Standing.GIVEN_UP] * 3


def test_who_did_not_crash_keeps_what_is_recent_and_its_standing() -> None:
    crashes = (Crash(0.0, 5), Crash(50.0, 5), Crash(55.0, 4))
    free = judge(Record(crashes), 61.0, 5, THREE, has_crashed=False)
    assert free == Record((Crash(50.0, 5),))
    barred = Record(crashes, Standing.QUARANTINED)
    assert judge(barred, 1e9, 9, THREE, has_crashed=False) == barred


def test_progress_starts_the_count_anew() -> None:
    assert set(standings(*((float(second), second) for second in range(20)))) == {Standing.FREE}


def test_crashes_that_left_the_window_are_forgotten() -> None:
    assert set(standings(*((20.0 * number, 5) for number in range(20)))) == {Standing.FREE}
    assert standings((0.0, 5), (1.0, 5), (2.0, 5), (59.9, 5))[-1] is Standing.QUARANTINED
    assert standings((0.0, 5), (1.0, 5), (2.0, 5), (60.0, 5))[-1] is Standing.FREE


@pytest.mark.parametrize(
    ("restarts", "companies"),
    [
        (0, [Company.ANYBODY, Company.NOBODY]),
        (1, [Company.ANYBODY, Company.NOBODY]),
        (2, [Company.ANYBODY, Company.ANYBODY, Company.NOBODY, Company.NOBODY]),
        (3, [Company.ANYBODY, Company.ANYBODY, Company.SUSPECTS, Company.NOBODY, Company.NOBODY]),
        (5, [Company.ANYBODY] * 2 + [Company.SUSPECTS] * 3 + [Company.NOBODY] * 2),
    ],
)
def test_a_suspect_lives_among_suspects_then_alone(restarts: int, companies: list[Company]) -> None:
    crashes = [(Crash(float(n), 1),) * n for n in range(len(companies))]
    assert [company(these, Intensity(restarts, 60.0)) for these in crashes] == companies


# ---------------------------------------------------------------- residency

LIMITS = Limits(max_actors=4, warm_standbys=2, sessions_per_actor=3)


def room(actor: str, sessions: int, open_to: Company = Company.ANYBODY, *, is_ready: bool = True) -> Room:
    return Room(actor, sessions, is_ready, open_to)


@pytest.mark.parametrize(
    ("rooms", "chosen"),
    [
        ([], None),
        ([room("a", 1), room("b", 0)], "b"),  # spread …
        ([room("a", 2), room("b", 1), room("c", 0, is_ready=False)], "b"),  # … then pack rather than wait
        ([room("b", 1), room("a", 1)], "a"),
        ([room("a", 3), room("b", 3)], None),
        ([room("a", 0, Company.NOBODY), room("b", 2), room("c", 1, Company.SUSPECTS)], "b"),
    ],
)
def test_a_session_goes_where_it_is_emptiest(rooms: list[Room], chosen: str | None) -> None:
    assert choose(iter(rooms), LIMITS) == chosen


@pytest.mark.parametrize(
    ("rooms", "chosen"),
    [
        ([room("a", 1), room("c", 0), room("b", 0)], "b"),
        ([room("a", 2), room("b", 1), room("c", 0, Company.SUSPECTS)], None),  # it waits rather than have neighbours
        ([room("a", 0, Company.NOBODY), room("b", 0, is_ready=False)], None),
    ],
)
def test_who_may_have_no_company_lives_alone(rooms: list[Room], chosen: str | None) -> None:
    assert choose(iter(rooms), LIMITS, Company.NOBODY) == chosen


@pytest.mark.parametrize(
    ("rooms", "chosen"),
    [
        ([room("a", 0), room("b", 2, Company.SUSPECTS), room("c", 1, Company.SUSPECTS)], "c"),
        ([room("a", 1), room("b", 3, Company.SUSPECTS), room("c", 0)], "c"),
        ([room("a", 1), room("b", 0, Company.NOBODY)], None),
    ],
)
def test_suspects_live_together(rooms: list[Room], chosen: str | None) -> None:
    assert choose(iter(rooms), LIMITS, Company.SUSPECTS) == chosen


FULL = [room("a", 1), room("b", 1), room("c", 1), room("d", 1)]


@pytest.mark.parametrize(
    ("rooms", "waiting", "missing"),
    [
        ([], (), 2),
        ([room("a", 0)], (), 1),
        ([room("a", 0), room("b", 0, is_ready=False)], (), 0),
        ([room("a", 1), room("b", 1)], (), 2),
        ([room("a", 1), room("b", 1), room("c", 1)], (), 1),
        (FULL, (), 0),
        (FULL, (Company.ANYBODY,), 0),
        (FULL, (Company.NOBODY, Company.NOBODY), 2),  # suspects go beyond the limit …
        (FULL, (Company.NOBODY, Company.SUSPECTS, Company.SUSPECTS), 2),  # … and share what may be shared
        ([*FULL[:3], room("d", 0)], (Company.NOBODY,), 0),
        ([room("a", 0, Company.NOBODY), room("b", 0)], (), 1),
        ([room("a", 1, Company.NOBODY), room("b", 2, Company.SUSPECTS), room("c", 1, Company.NOBODY)], (), 2),
        ([room(str(n), 0) for n in range(5)], (), 0),
    ],
)
def test_standbys_are_kept_up_to_the_number_of_actors(
    rooms: list[Room], waiting: tuple[Company, ...], missing: int
) -> None:
    assert missing_standbys(iter(rooms), LIMITS, waiting) == missing


def test_suspects_take_turns_however_many_they_are() -> None:
    """A cluster that died thrice at one blow: each of its sessions wants an actor of its own, and two may have one."""
    limits = Limits(max_actors=8, warm_standbys=1, sessions_per_actor=3)
    crowd = [Company.NOBODY] * 5_000
    assert missing_standbys(FULL, limits, crowd) == limits.kept_most
    kept = [*FULL, room("e", 1, Company.NOBODY), room("f", 0)]
    assert choose(kept, limits, Company.NOBODY) == "f"
    assert choose([*kept, room("g", 1, Company.NOBODY)], limits, Company.NOBODY) is None
    assert missing_standbys([*kept, room("g", 1, Company.NOBODY)], limits, crowd) == 0


def test_the_queue_serves_who_came_first_and_forgets_who_left() -> None:
    queue = Queue()
    for at, session_id in enumerate("abc"):
        queue.join(session_id, Company.NOBODY, float(at))
    queue.join("a", Company.SUSPECTS, 9.0)  # it is still there, and keeps its place
    assert queue.in_order(["new", "c", "a"], str) == ["a", "c", "new"]
    queue.leave("b")
    queue.forget(before=5.0)
    assert queue.companies() == [Company.SUSPECTS]


@pytest.mark.parametrize(("bare_nodes", "missing"), [(0, 0), (1, 1), (3, 2)])
def test_a_node_that_has_just_come_gets_an_actor_within_the_limit(bare_nodes: int, missing: int) -> None:
    assert missing_standbys([room("a", 0), room("b", 0)], LIMITS, bare_nodes=bare_nodes) == missing


@pytest.mark.parametrize(
    ("processes", "doubted", "chosen"),
    [
        ({}, {}, "a"),
        ({"a": 2, "b": 1, "c": 1}, {}, "b"),
        ({"a": 2, "b": 1, "c": 3}, {"b": 9.0}, "a"),  # rather crowded than perhaps dead
        ({"a": 2, "b": 1, "c": 3}, {"a": 9.0, "b": 9.0, "c": 9.0}, "b"),  # but somewhere
        ({"a": 2, "b": 1}, {"a": 7.0, "b": inf, "c": 9.0}, "a"),  # and least where it is to be empty
        ({"gone": 0}, {}, "a"),
    ],
)
def test_a_process_is_started_where_the_fewest_are(
    processes: dict[str, int], doubted: dict[str, float], chosen: str
) -> None:
    assert choose_node(["c", "b", "a"], processes, doubted) == chosen
    assert choose_node([], processes, doubted) is None


def test_empty_actors_beyond_the_limit_may_end() -> None:
    rooms = [*(room(name, 0) for name in "ba"), *(room(name, 1) for name in "cdf"), room("e", 0, Company.NOBODY)]
    assert surplus(iter(rooms), LIMITS) == ["a"]
    assert surplus(iter(rooms[1:]), LIMITS) == []
    assert surplus([room(str(n), 1) for n in range(9)], LIMITS) == []


def test_the_number_of_actors_follows_memory_and_cores() -> None:
    assert max_actors(64 << 30, 2) == 4
    assert max_actors(64 << 30, 16) == 32
    assert max_actors(4 << 30, 64) == 6
    assert max_actors(1 << 20, 1) == 2


# ---------------------------------------------------------------- ids


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


# ---------------------------------------------------------------- failure


def test_words_are_friendly_and_name_the_cause_where_that_helps() -> None:
    assert explain("provider_rate_limited", "secret detail") == WORDS["provider_rate_limited"]
    assert explain("unheard_of", "secret detail") == WORDS["processing_error"]
    for code in TOLD_IN_FULL:
        assert explain(code, "Set the key.").endswith(" Set the key.")


def test_an_error_has_the_code_and_the_fields_of_the_contract() -> None:
    busy = ModelUnavailableError(7.0, "busy", "provider_rate_limited", "acme")
    assert (code_of(busy), fields_of(busy)) == (
        "provider_rate_limited", {"provider": "acme", "retry_after": 7.0},
    )  # fmt: skip
    refused = ModelRejectedError("no", "request_too_large", "")
    assert (code_of(refused), fields_of(refused)) == ("request_too_large", None)
    assert (code_of(ToolError("x")), fields_of(ToolError("x"))) == ("processing_error", None)
