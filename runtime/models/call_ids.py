"""Ids of tool calls that a conversation has not used yet: some servers count from zero in every reply."""

from collections.abc import Iterable

from runtime.core.storable import storable


class CallIds:
    """The ids that are taken."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def fresh(self, call_id: str) -> str:
        """Return an id, with a number behind it if it is taken, and take it."""
        call_id = storable(call_id)
        candidate, number = call_id, 1
        while candidate in self._taken:
            number += 1
            candidate = f"{call_id}_{number}"
        self._taken.add(candidate)
        return candidate
