"""Why actors died, for as long as somebody may ask."""

from runtime.core.placement.causes import REMEMBERED_MOST, Causes


def test_the_newest_cause_counts_until_it_is_dropped() -> None:
    causes = Causes()
    assert causes.of("a") == ""
    causes.note("a", "first")
    causes.note("a", "second")
    assert causes.of("a") == "second"
    causes.drop("a")
    causes.drop("never noted")
    assert causes.of("a") == ""


def test_of_too_many_the_oldest_goes() -> None:
    causes = Causes()
    for number in range(REMEMBERED_MOST):
        causes.note(str(number), "it died")
    causes.note("0", "it died again")
    causes.note("another", "it died")
    assert [causes.of(key) for key in ("0", "1", "another")] == ["it died again", "", "it died"]
