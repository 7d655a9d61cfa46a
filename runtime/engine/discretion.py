"""What a session shows and journals, without the secrets that its tools have opened.

It costs nothing as long as there are none. What a model says comes in pieces, and so does what a tool puts out: see
`runtime.process.veil`.
"""

from typing import TypeVar

import msgspec

from runtime.core import event as ev
from runtime.ports.model import ModelReply
from runtime.process.redaction import held
from runtime.process.veil import Veil

P = TypeVar("P", bound=ev.Payload)


def discreet(data: P, session_id: str) -> P:
    """Return an event's data without secrets."""
    shown: P = held.hide_in(data, session_id) if held.knows(session_id) else data
    return shown


def said(reply: ModelReply, session_id: str) -> ModelReply:
    """Return an answer as it was shown piece by piece: its words without secrets. Calls stay, for they will be made."""
    if held.veil(session_id) is None:
        return reply
    thinking = None if reply.thinking is None else _whole(reply.thinking, session_id)
    return msgspec.structs.replace(reply, text=_whole(reply.text, session_id), thinking=thinking)


def _whole(text: str, session_id: str) -> str:
    veil = held.veil(session_id)
    return text if veil is None else veil.feed(text) + veil.close()


class Outputs:
    """What the tools of a batch put out while they run."""

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self._open: dict[tuple[str, str], tuple[Veil, ev.ToolOutputDelta]] = {}  # by call and stream

    def take(self, call_id: str, data: ev.ToolOutputDelta) -> ev.ToolOutputDelta | None:
        """Return what may be seen of more output; None if that is nothing yet."""
        key = call_id, data.stream
        veil = self._open[key][0] if key in self._open else held.veil(self._session_id)
        if veil is None:
            return data
        shown = veil.feed(data.delta)
        bare = discreet(msgspec.structs.replace(data, delta=""), self._session_id)
        self._open[key] = veil, bare
        return msgspec.structs.replace(bare, delta=shown) if shown else None

    def end(self, call_id: str) -> list[ev.ToolOutputDelta]:
        """Return what was held back of a call's output, for it has ended."""
        rests = []
        for key in [key for key in self._open if key[0] == call_id]:
            veil, bare = self._open.pop(key)
            if rest := veil.close():
                rests.append(msgspec.structs.replace(bare, delta=rest))
        return rests
