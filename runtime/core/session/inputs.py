"""Which user messages were accepted lately, so that one that is repeated is known (docs/wire.md, "Idempotency")."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from runtime.core.message import Message, Turned

KEPT: Final = timedelta(hours=24)  # so long a key means the message that it came with first


class Taken(msgspec.Struct, frozen=True, array_like=True):
    """An accepted message: at `position` of the conversation, or behind it by now, never before."""

    message_id: str
    position: int


class Inputs(msgspec.Struct):
    """Messages by idempotency key, or by their id where they came without one.

    They are forgotten by the day: a whole day's at once, when those of the day after it are a day old too. So nothing
    is looked through for what is too old, and what is kept is smaller than the conversation that it is about.
    """

    latest: dict[str, Taken] = {}
    since: str = ""  # when the first of `latest` came
    older: dict[str, Taken] = {}  # of the day before

    def remember(self, message: Message, key: str | None, position: int, at: str) -> None:
        """Keep that a message was accepted at that time."""
        if not self.latest or _is_past(self.since, at):
            self.older, self.latest, self.since = self.latest, {}, at
        self.latest[_name(message, key)] = Taken(message.id, position)

    def find(self, given: Message, key: str | None, conversation: Sequence[Turned]) -> Message | None:
        """Return the message that this one is a repeat of, None if it is a new one."""
        name = _name(given, key)
        taken = self.latest.get(name) or self.older.get(name)
        if taken is None:
            return None
        behind = (conversation[at].message for at in range(taken.position, len(conversation)))
        first = next(message for message in behind if message.id == taken.message_id)
        return None if _is_past(first.created_at, given.created_at) else first


def _name(message: Message, key: str | None) -> str:
    return message.id if key is None else f"key:{key}"


def _is_past(start: str, end: str) -> bool:
    return datetime.fromisoformat(end) - datetime.fromisoformat(start) > KEPT
