"""Deltas of one message, gathered: the first goes out at once, later ones wait for the interval to pass.

Each delta carries all the text so far, so sending every token of a long reply would cost its length
squared.
"""

import asyncio
from collections.abc import Callable

Emit = Callable[[str, str], None]  # (delta, accumulated)


class DeltaStream:
    """Gathers the text of one message and emits it in deltas that add up to the whole."""

    def __init__(self, emit: Emit, interval_s: float) -> None:
        self._emit = emit
        self._interval_s = interval_s
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
        self._unsent.append(text)
        if self._timer is None:
            self._send()
            self._timer = asyncio.get_running_loop().call_later(self._interval_s, self._tick)

    def close(self) -> str:
        """Send what is left, stop, and return the whole text."""
        self._send()
        if self._timer is not None:
            self._timer.cancel()
        return self._sent

    def _tick(self) -> None:
        if self._unsent:
            self._send()
            self._timer = asyncio.get_running_loop().call_later(self._interval_s, self._tick)
        else:
            self._timer = None

    def _send(self) -> None:
        delta = "".join(self._unsent)
        if delta:
            self._unsent.clear()
            self._sent += delta
            self._emit(delta, self._sent)
