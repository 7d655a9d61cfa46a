"""Which front doors want to hear where a session lives: so that news go to them, and to nobody else.

A door *watches* a session from its question where that lives until it says that nobody listens there any more, also
while the session lives nowhere. It *holds* a session once it was told where that lives, until the session lives
nowhere: then the door has forgotten it too. Both at once is common.
"""

from collections.abc import Iterable
from typing import Final

_HOLDS: Final = 1
_WATCHES: Final = 2


class Interests:
    """Sets as bits, for there are millions: so little memory is taken, and the garbage collector walks none of it.

    A door is known by its bit, which `join` gives. But for `forget`, nothing takes longer the more there are.
    """

    def __init__(self) -> None:
        self._audiences: dict[str, int] = {}  # by session: the bits of all who are interested
        self._doors: dict[int, dict[str, int]] = {}  # by bit: how it is interested in which session

    def __len__(self) -> int:
        return sum(map(len, self._doors.values()))

    def join(self) -> int:
        """Take in a door, which is interested in nothing yet; return its bit."""
        door = 1
        while door in self._doors:
            door <<= 1
        self._doors[door] = {}
        return door

    def watch(self, door: int, session_ids: Iterable[str], *, lives: bool) -> None:
        """Note that somebody listens to these sessions there; where they `live`, if they do, the door is told too."""
        self._add(door, session_ids, _WATCHES | _HOLDS if lives else _WATCHES)

    def hold(self, door: int, session_ids: Iterable[str]) -> None:
        """Note that a door is told where these sessions live."""
        self._add(door, session_ids, _HOLDS)

    def unwatch(self, door: int, session_id: str) -> None:
        """Note that nobody listens to a session there any more; as long as it is held, the door hears of it still."""
        how = self._doors[door].get(session_id)
        if how is not None:
            self._set(door, session_id, how & ~_WATCHES)

    def told(self, session_id: str, *, lives: bool) -> list[int]:
        """Return the doors that are to be told where a session lives now, or that it lives nowhere; as if they were."""
        doors = self._audience(session_id)
        for door in doors:
            how = self._doors[door][session_id]
            self._set(door, session_id, how | _HOLDS if lives else how & ~_HOLDS)
        return doors

    def forget(self, door: int, most: int) -> bool:
        """Drop so many interests of a door that is gone; False once nothing of it is left, and its bit is free."""
        sessions = self._doors[door]
        for _ in range(min(most, len(sessions))):
            self._mute(door, sessions.popitem()[0])
        if not sessions:
            del self._doors[door]
        return bool(sessions)

    def _audience(self, session_id: str) -> list[int]:
        doors, rest = [], self._audiences.get(session_id, 0)
        while rest:
            door = rest & -rest
            doors.append(door)
            rest ^= door
        return doors

    def _add(self, door: int, session_ids: Iterable[str], how: int) -> None:
        sessions, audiences = self._doors[door], self._audiences
        for session_id in session_ids:  # millions, while a supervisor comes up
            known = sessions.get(session_id)
            if known is None:
                others = audiences.get(session_id)
                audiences[session_id] = door if others is None else others | door  # one number for all it has alone
                sessions[session_id] = how
            else:
                sessions[session_id] = known | how

    def _set(self, door: int, session_id: str, how: int) -> None:
        if how:
            self._doors[door][session_id] = how
        else:
            del self._doors[door][session_id]
            self._mute(door, session_id)

    def _mute(self, door: int, session_id: str) -> None:
        others = self._audiences[session_id] & ~door
        if others:
            self._audiences[session_id] = others
        else:
            del self._audiences[session_id]
