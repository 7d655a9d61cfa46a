"""The directory: whatever the order in which news of placements comes, the newest is what is known."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from runtime.core.placement.directory import Directory, Placement

ACTORS = ("a", "b", "c")
SESSIONS = ("s", "t")


def lives(session_id: str, epoch: int) -> Placement:
    """Under one epoch a session lives in one actor."""
    return Placement(session_id, epoch, ACTORS[(epoch + SESSIONS.index(session_id)) % len(ACTORS)])


residences = st.builds(lives, st.sampled_from(SESSIONS), st.integers(1, 6))
departures = st.builds(Placement, st.sampled_from(SESSIONS), st.integers(1, 6), st.none())


def newest(news: Sequence[Placement], session_id: str) -> Placement | None:
    """Return the newest residence that was not left later on, under its own epoch or a newer one."""
    mine = [place for place in news if place.session_id == session_id]
    kept = [
        place
        for number, place in enumerate(mine)
        if place.actor is not None
        and not any(later.actor is None and later.epoch >= place.epoch for later in mine[number:])
    ]
    return max(kept, key=lambda place: place.epoch, default=None)


@given(st.permutations([lives("s", epoch) for epoch in range(1, 6)]))
def test_the_newest_of_all_placements_is_known_whatever_their_order(news: list[Placement]) -> None:
    directory = Directory()
    heard = [directory.note(place) for place in news]
    assert directory.get("s") == lives("s", 5)
    assert heard == [place == max(news[: n + 1], key=lambda p: p.epoch) for n, place in enumerate(news)]


@given(st.lists(residences | departures))
def test_who_left_is_known_only_by_what_is_newer_or_came_later(news: list[Placement]) -> None:
    directory = Directory()
    for place in news:
        before = directory.get(place.session_id)
        assert directory.note(place) is (before is None or before.epoch <= place.epoch)
    known = [newest(news, session_id) for session_id in SESSIONS]
    assert [directory.get(session_id) for session_id in SESSIONS] == known
    for actor in ACTORS:
        assert directory.count(actor) == sum(place is not None and place.actor == actor for place in known)


@given(st.lists(residences), st.sampled_from(SESSIONS), st.integers(1, 6))
def test_what_is_forgotten_is_that_epoch_and_what_was_before(
    news: list[Placement], session_id: str, epoch: int
) -> None:
    directory, told = Directory(), Directory()
    for place in news:
        directory.note(place)
        told.note(place)
    directory.forget(session_id, epoch)
    told.note(Placement(session_id, epoch, None))
    assert [directory.get(s) for s in SESSIONS] == [told.get(s) for s in SESSIONS]
    known = newest(news, session_id)
    assert directory.get(session_id) == (known if known is not None and known.epoch > epoch else None)


@given(st.lists(residences), st.sampled_from(ACTORS))
def test_whoever_lived_in_an_actor_is_forgotten_and_nobody_else(news: list[Placement], actor: str) -> None:
    directory = Directory()
    for place in news:
        directory.note(place)
    known = {place for place in map(directory.get, SESSIONS) if place is not None}
    gone = directory.clear(actor)
    assert {place for place in known if place.actor == actor} == set(gone)
    assert len(gone) == len(set(gone))
    assert {place for place in map(directory.get, SESSIONS) if place is not None} == known - set(gone)
    assert directory.count(actor) == 0
    assert set(directory.known()) == {place.session_id for place in known - set(gone)}
