"""What clients see of a message before it is whole: its deltas, gathered here until they may be sent.

Each delta carries all the text so far, so sending every token of a long reply would cost its length squared, and so
would keeping deltas for a disk that is behind. While a session's events wait for it, its text waits as text: once,
where it is gathered. The next delta, sent when the disk has caught up, carries all that was not sent.
"""

import asyncio
from collections.abc import Callable
from itertools import takewhile
from typing import Final

from runtime.ports.gateway import Frame
from runtime.process.veil import Veil

WAITING_LIMIT_BYTES: Final = 256 << 10  # of deltas of one session that wait for its events; the newest always may

Emit = Callable[[str, str], None]  # (delta, accumulated)
WhenSettled = Callable[[Callable[[], None]], None]  # calls back when the disk has caught up; at once, if it has


class DeltaStream:
    """Gathers the text of one message and emits it in deltas that add up to the whole.

    The first goes out at once, later ones wait for the interval to pass, and all for the disk. What a `veil` holds back
    is no text of it yet.
    """

    def __init__(self, emit: Emit, interval_s: float, when_settled: WhenSettled, veil: Veil | None = None) -> None:
        self._emit = emit
        self._interval_s = interval_s
        self._when_settled = when_settled
        self._veil = veil
        self._sent = ""
        self._unsent: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def sent(self) -> str:
        """The text that was emitted so far."""
        return self._sent

    @property
    def text(self) -> str:
        """All the text so far, sent or not."""
        return self._sent + "".join(self._unsent)

    def feed(self, text: str) -> None:
        """Take more text."""
        if self._veil is not None:
            text = self._veil.feed(text)
            if not text:
                return
        self._unsent.append(text)
        if self._timer is None:
            self._tick()

    def finish(self) -> str:
        """Close it, for the text is whole: what was held back is a part of it now."""
        if self._veil is not None:
            self._unsent.append(self._veil.close())
        return self.close()

    def close(self) -> str:
        """Emit what is left, without waiting for the disk since more events are to follow; return the whole text."""
        self._send()
        if self._timer is not None:
            self._timer.cancel()
        return self._sent

    def _tick(self) -> None:
        self._timer = None
        if self._unsent:
            self._when_settled(self._send)
            self._timer = asyncio.get_running_loop().call_later(self._interval_s, self._tick)

    def _send(self) -> None:
        delta = "".join(self._unsent)
        if delta:
            self._unsent.clear()
            self._sent += delta
            self._emit(delta, self._sent)


class Deltas:
    """Ephemeral frames of one session, each behind an event that is on its way to the disk."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, Frame]] = []  # (sequence of the event, frame); an empty deque takes 760 bytes
        self._size_bytes = 0
        self._dropped = 0

    def put(self, sequence: int, frame: Frame) -> None:
        """Take a frame that follows an event; the oldest go when it gets too much."""
        self._waiting.append((sequence, frame))
        self._size_bytes += len(frame.body)
        while self._size_bytes > WAITING_LIMIT_BYTES and len(self._waiting) > 1:
            self._pop(1)
            self._dropped += 1

    def take(self, sequence: int) -> list[Frame]:
        """Return the frames that follow events up to this one."""
        return self._pop(sum(1 for _ in takewhile(lambda waiting: waiting[0] <= sequence, self._waiting)))

    def end(self) -> int:
        """Return how many were dropped since the last time."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def _pop(self, count: int) -> list[Frame]:
        frames = [frame for _, frame in self._waiting[:count]]
        del self._waiting[:count]
        self._size_bytes -= sum(len(frame.body) for frame in frames)
        return frames
