"""Messages with the pictures in them that models are shown, as one process has them in memory.

It is bounded for all its sessions together: what was shown longest ago goes first, and is read again when it is needed.
"""

from collections import OrderedDict, defaultdict
from typing import Final

from runtime.core.message import ImagePart, Turned

MOST_BYTES: Final = 128_000_000
MESSAGE_BYTES: Final = 1_000  # of one, beside its pictures


class Album:
    """Belongs to one event loop. One message is kept however large it is."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._shown: OrderedDict[tuple[str, str], Turned] = OrderedDict()  # by session and message
        self._of_session: defaultdict[str, set[str]] = defaultdict(set)

    def get(self, session_id: str, message_id: str) -> Turned | None:
        """Return a message as it was shown, if it is still here."""
        shown = self._shown.get((session_id, message_id))
        if shown is not None:
            self._shown.move_to_end((session_id, message_id))
        return shown

    def keep(self, session_id: str, shown: Turned) -> None:
        """Keep a message as it is shown."""
        self._remove(session_id, shown.message.id)
        self._shown[session_id, shown.message.id] = shown
        self._of_session[session_id].add(shown.message.id)
        self._bytes += _bytes_of(shown)
        while self._bytes > self._most_bytes and len(self._shown) > 1:
            self._remove(*next(iter(self._shown)))

    def drop(self, session_id: str) -> None:
        """Forget the messages of a session that is no longer here."""
        for message_id in list(self._of_session.get(session_id, ())):
            self._remove(session_id, message_id)

    def _remove(self, session_id: str, message_id: str) -> None:
        shown = self._shown.pop((session_id, message_id), None)
        if shown is None:
            return
        self._bytes -= _bytes_of(shown)
        self._of_session[session_id].discard(message_id)
        if not self._of_session[session_id]:
            del self._of_session[session_id]


def _bytes_of(shown: Turned) -> int:
    pictures = (part.base64 or "" for part in shown.message.content if isinstance(part, ImagePart))
    return MESSAGE_BYTES + sum(map(len, pictures))
