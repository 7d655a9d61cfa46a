"""Where sessions go: what is filed says the same as looking at every actor would."""

from hypothesis import given
from hypothesis import strategies as st

from runtime.core.placement.residency import Company, Limits, Room, Rooms

LIMITS = Limits(max_actors=4, warm_standbys=2, sessions_per_actor=3)
LAZY = Limits(max_actors=4, warm_standbys=0, sessions_per_actor=3)
ACTORS = "abcdefg"

rooms = st.builds(Room, st.integers(0, 4), st.booleans(), st.sampled_from(Company))
changes = st.lists(st.tuples(st.sampled_from(ACTORS), st.none() | rooms), max_size=40)
crowds = st.dictionaries(st.sampled_from(Company), st.integers(0, 9))


def played(news: list[tuple[str, Room | None]]) -> tuple[Rooms, dict[str, Room]]:
    """Return what was filed, and the same as it is."""
    filed, known = Rooms(), dict[str, Room]()
    for actor, room in news:
        if room is None:
            filed.drop(actor)
            known.pop(actor, None)
        else:
            filed.put(actor, room)
            known[actor] = room
    return filed, known


def counted(known: dict[str, Room]) -> int:
    kept = sum(room.open_to is not Company.ANYBODY for room in known.values())
    return len(known) - min(kept, LIMITS.max_actors)


def keepable(known: dict[str, Room], company: Company) -> int:
    return max(0, LIMITS.kept_most - sum(room.open_to is company for room in known.values()))


def fitting(known: dict[str, Room], company: Company) -> set[str]:
    ready = {a: r for a, r in known.items() if r.is_ready and r.sessions < LIMITS.sessions_per_actor}
    found = {} if company is Company.NOBODY else {a: r for a, r in ready.items() if r.open_to is company}
    if not found and company is not Company.ANYBODY and keepable(known, company):
        found = {a: r for a, r in ready.items() if r.open_to is Company.ANYBODY and r.sessions == 0}
    fewest = min((room.sessions for room in found.values()), default=0)
    return {actor for actor, room in found.items() if room.sessions == fewest}


@given(changes, st.sampled_from(Company))
def test_a_session_goes_where_there_is_most_room_for_it(news: list[tuple[str, Room | None]], company: Company) -> None:
    filed, known = played(news)
    chosen = filed.choose(LIMITS, company)
    assert (chosen in fitting(known, company)) if fitting(known, company) else chosen is None
    assert len(filed) == len(known)


@given(changes, crowds, st.integers(0, 3), st.sampled_from([LIMITS, LAZY]))
def test_processes_are_started_and_ended_by_the_count_of_them(
    news: list[tuple[str, Room | None]], waiting: dict[Company, int], bare_nodes: int, limits: Limits
) -> None:
    filed, known = played(news)
    empty = {actor for actor, room in known.items() if room.sessions == 0 and room.open_to is Company.ANYBODY}
    free = LIMITS.max_actors - counted(known)
    suspects = min(waiting.get(Company.NOBODY, 0), keepable(known, Company.NOBODY))
    suspects += min(waiting.get(Company.SUSPECTS, 0) > 0, keepable(known, Company.SUSPECTS))
    standbys = limits.warm_standbys or int(waiting.get(Company.ANYBODY, 0) > 0)
    wanted = max(min(standbys, free + len(empty)), suspects)
    assert filed.missing(limits, waiting, bare_nodes) == max(0, wanted - len(empty), min(bare_nodes, free))
    ending = set(filed.surplus(limits))
    assert ending <= {actor for actor in empty if known[actor].is_ready}
    assert len(ending) == min(max(0, -free), sum(known[actor].is_ready for actor in empty))


@given(changes, crowds)
def test_nobody_waits_for_ever_while_there_may_be_another_process(
    news: list[tuple[str, Room | None]], waiting: dict[Company, int]
) -> None:
    """Also where none is to be kept ready: whoever waits has an empty one coming, if the limit allows one."""
    filed, known = played(news)
    empty = sum(room.sessions == 0 and room.open_to is Company.ANYBODY for room in known.values())
    has_room = empty > 0 or counted(known) < LAZY.max_actors
    is_served = empty + filed.missing(LAZY, waiting) > 0
    assert is_served or not (waiting.get(Company.ANYBODY) and has_room)
