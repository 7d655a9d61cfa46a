"""Who may try again after a crash, and in whose company."""

import pytest

from runtime.core.placement.residency import (
    Company,
)
from runtime.core.placement.supervision import CAUSE_CHARS, Crash, Intensity, Record, Standing, company, judge

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


def test_what_is_known_of_a_crash_is_kept_and_bounded() -> None:
    first = judge(Record(), 1.0, 5, THREE, has_crashed=True, cause="it was killed")
    second = judge(first, 2.0, 5, THREE, has_crashed=True, cause="x" * 10_000)
    assert second.crashes == (Crash(1.0, 5, "it was killed"), Crash(2.0, 5, "x" * CAUSE_CHARS))


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
