"""What a reader of event streams sees, and whether it is whole: frames, events, their sequence. No I/O.

Only a few fields of an event are decoded: the client's own cost is in every figure.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

END_OF_FRAME: Final = b"\n\n"
GOODBYE: Final = "disconnecting"  # announces that the server will close the stream
LIFECYCLE: Final = frozenset({"connected", GOODBYE})
TURN_ENDS: Final = frozenset({"turn.completed", "turn.failed", "turn.cancelled", "turn.sealed"})


class Fault(StrEnum):
    """A broken promise about sequences: dense from 1 per session, whatever happens to the connection."""

    GAP = "sequence gap"
    REPEAT = "sequence repeat"


class Event(msgspec.Struct, frozen=True):
    """An event's envelope. `sequence` is None for ephemeral ones; `data` is JSON that nobody has read yet."""

    id: str
    type: str
    sequence: int | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")


class Frame(msgspec.Struct, frozen=True):
    """One frame: its type, its SSE id (durable events only) and its data. A comment has no type."""

    type: str
    id: str | None
    data: bytes

    def event(self) -> Event | None:
        """Return the event in it; None for comments and for frames about the connection."""
        return _decoder.decode(self.data) if self.type and self.type not in LIFECYCLE else None


def parse(frame: bytes) -> Frame:
    """Read the lines of one frame."""
    fields: dict[bytes, bytes] = {}
    for line in frame.split(b"\n"):
        name, _, value = line.partition(b":")
        fields[name] = value.removeprefix(b" ")
    frame_id = fields.get(b"id")
    return Frame(fields.get(b"event", b"").decode(), frame_id.decode() if frame_id else None, fields.get(b"data", b""))


class Sequences:
    """Checks what one reader sees of one session, over all its connections.

    Start with `last=0` to expect the first event of the session, with None to begin anywhere.
    """

    def __init__(self, last: int | None = None) -> None:
        self.last = last

    def see(self, sequence: int) -> Fault | None:
        """Take the next sequence; return what is wrong with it."""
        expected = sequence if self.last is None else self.last + 1
        self.last = sequence if self.last is None else max(self.last, sequence)
        if sequence == expected:
            return None
        return Fault.GAP if sequence > expected else Fault.REPEAT


def faults(sequences: Iterable[int], last: int | None = None) -> list[Fault]:
    """Return all that is wrong with a row of sequences that follow `last`."""
    check = Sequences(last)
    return [fault for sequence in sequences if (fault := check.see(sequence)) is not None]


_decoder: Final = msgspec.json.Decoder(Event)
