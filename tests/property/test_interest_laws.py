"""Interests: who watches hears of every change, who holds hears until it lives nowhere, and nobody else does."""

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, consumes, invariant, multiple, rule

from runtime.core.placement.interests import Interests

SESSIONS = ("a", "b", "c", "d")
sessions = st.sampled_from(SESSIONS)


class Interested(RuleBasedStateMachine):
    """Doors, and in plain sets what they watch and hold."""

    doors: Bundle[int] = Bundle("doors")
    going: Bundle[int] = Bundle("going")

    def __init__(self) -> None:
        super().__init__()
        self._interests = Interests()
        self._watched: dict[int, set[str]] = {}
        self._held: dict[int, set[str]] = {}
        self._going: dict[int, int] = {}  # with how many interests at most

    @rule(target=doors)
    def a_door_comes(self) -> int:
        door = self._interests.join()
        assert door not in self._watched
        assert door not in self._going, "its bit is free only when nothing of it is left"
        self._watched[door], self._held[door] = set(), set()
        return door

    @rule(door=doors, session_id=sessions, lives=st.booleans())
    def it_watches(self, door: int, session_id: str, *, lives: bool) -> None:
        self._interests.watch(door, [session_id], lives=lives)
        self._watched[door].add(session_id)
        if lives:
            self._held[door].add(session_id)

    @rule(door=doors, session_id=sessions)
    def it_holds(self, door: int, session_id: str) -> None:
        self._interests.hold(door, [session_id])
        self._held[door].add(session_id)

    @rule(door=doors, session_id=sessions)
    def nobody_listens_there(self, door: int, session_id: str) -> None:
        self._interests.unwatch(door, session_id)
        self._watched[door].discard(session_id)

    @rule(session_id=sessions, lives=st.booleans())
    def a_session_moves_or_leaves(self, session_id: str, *, lives: bool) -> None:
        told = self._interests.told(session_id, lives=lives)
        assert len(told) == len(set(told))
        interested = self._interested(session_id)
        assert set(told) - self._going.keys() == interested
        for door in interested:
            self._held[door].discard(session_id)
            if lives:
                self._held[door].add(session_id)

    @rule(target=going, door=consumes(doors))
    def a_door_dies(self, door: int) -> int:
        self._going[door] = len(self._watched.pop(door) | self._held.pop(door))
        return door

    @rule(target=going, door=consumes(going), most=st.integers(1, 2))
    def some_of_it_is_forgotten(self, door: int, most: int) -> int | MultipleResults[int]:
        self._going[door] = max(0, self._going[door] - most)
        if self._interests.forget(door, most):
            return door
        del self._going[door]
        return multiple()

    @invariant()
    def nothing_else_is_left(self) -> None:
        kept = sum(len(self._watched[door] | self._held[door]) for door in self._watched)
        assert kept <= len(self._interests) <= kept + sum(self._going.values())
        wanted = set().union(*self._watched.values(), *self._held.values())
        assert wanted <= self._interests._audiences.keys()
        if not self._going:
            assert wanted == self._interests._audiences.keys()
            assert self._interests._doors.keys() == self._watched.keys()

    def _interested(self, session_id: str) -> set[int]:
        return {d for d in self._watched if session_id in self._watched[d] or session_id in self._held[d]}

    def teardown(self) -> None:
        for door in [*self._watched, *self._going]:
            while self._interests.forget(door, 2):
                pass
        assert len(self._interests) == 0
        assert not self._interests._audiences
        assert not self._interests._doors


TestInterested = Interested.TestCase
