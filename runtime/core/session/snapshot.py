"""A session's state as bytes, and its way back: a snapshot, then the events that follow it."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import msgspec

from runtime.core import event as ev
from runtime.core.errors import JournalCorruptError, SnapshotUnreadableError
from runtime.core.session.fold import apply
from runtime.core.session.state import SessionState

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(SessionState)

FOLD: Final = 2  # raised where the same events come to another state than before: what was not heard is owed a turn

# Names the shape of the state and how it came about: another snapshot is ignored, and the log read instead.
FORMAT: Final = sha256(b"%d%b" % (FOLD, msgspec.json.encode(msgspec.json.schema(SessionState)))).hexdigest()[:16]


def snapshot(state: SessionState) -> bytes:
    """Return the state as bytes."""
    return _encoder.encode(state)


def revive(
    session_id: str, snapshot: bytes | None, tail: Iterable[tuple[bytes | str, msgspec.Raw | None]]
) -> SessionState:
    """Return the state after a snapshot and the stored events that follow it, each with its private state.

    Raises:
        SnapshotUnreadableError: the snapshot is none.
        JournalCorruptError: the log breaks the law that its writer keeps.
    """
    state = _restored(snapshot) if snapshot else SessionState(session_id)
    for body, private in tail:
        try:
            event = ev.decode(body)
        except msgspec.DecodeError as err:
            raise JournalCorruptError(session_id, state.last_sequence + 1, str(err)) from err
        if event is None:
            state.last_sequence += 1  # written by a newer server: it counts, and means nothing here
        else:
            apply(state, event, private)
    return state


def _restored(snapshot: bytes) -> SessionState:
    try:
        return _decoder.decode(snapshot)
    except (msgspec.DecodeError, RecursionError) as err:
        raise SnapshotUnreadableError(str(err)) from err
