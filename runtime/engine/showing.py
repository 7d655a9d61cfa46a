"""The message of one model call as clients see it come: its text, and what the model thinks aloud."""

from runtime.core import event as ev
from runtime.core.session import draft as write
from runtime.core.session.draft import Draft
from runtime.core.session.state import Turn
from runtime.engine.session import LiveSession
from runtime.engine.stream import DeltaStream, Emit
from runtime.ports.model import ModelRef
from runtime.process.failpoint import FailPoint, reach
from runtime.process.mint import random_id, timestamp
from runtime.process.redaction import held


def forget_deltas(session: LiveSession) -> None:
    """Tell clients that what they have seen of a message begins again, if they can have seen any."""
    turn = session.turn
    if turn.message_id is not None or turn.is_thinking:
        data = ev.ReasonRecovered(turn_id=turn.turn_id, mode="restart", accumulated_len=0)
        session.append(Draft(data, write.reason_context(turn)))


class Showing:
    """What is shown of the answer so far. `first_token_at` is when there was something to show (RFC 3339)."""

    def __init__(self, session: LiveSession) -> None:
        self._session = session
        self._output: DeltaStream | None = None
        self._thinking: DeltaStream | None = None
        self.first_token_at: str | None = None

    @property
    def text(self) -> str:
        """The message so far."""
        return self._output.text if self._output else ""

    @property
    def sent(self) -> str:
        """What has been sent of it."""
        return self._output.sent if self._output else ""

    def say(self, ref: ModelRef, text: str) -> None:
        """Show more of the message."""
        if self._output is None:
            self.open(self._session.turn, ref)
            self._output = self._stream_of(self._send_output)
        self._output.feed(text)

    def think(self, ref: ModelRef, text: str) -> None:
        """Show more of the thinking."""
        turn = self._session.turn
        if self._thinking is None:
            if not turn.is_thinking:
                data = ev.ThinkingStarted(turn_id=turn.turn_id, model=ref.name)
                self._session.append(Draft(data, write.reason_context(turn)))
            self._thinking = self._stream_of(self._send_thought)
        self._thinking.feed(text)

    def open(self, turn: Turn, ref: ModelRef | None) -> None:
        """Begin the message in the journal, unless it has begun; the thinking ends there."""
        self.first_token_at = self.first_token_at or timestamp()
        drafts = self._thoughts(turn, self._thinking.finish() if self._thinking else "")
        if turn.message_id is None:
            data = ev.OutputStarted(
                turn_id=turn.turn_id,
                message_id=random_id("message"),
                model=ref.name if ref else None,
                iteration=turn.iterations + 1,
            )
            drafts.append(Draft(data, write.reason_context(turn)))
        if drafts:
            self._session.append(*drafts)

    def finish(self, turn: Turn, ref: ModelRef, text: str) -> None:
        """Show the rest of a message that is whole now."""
        if text and self._output is None:
            self.say(ref, text)
        if self._output is not None:
            self._output.finish()
        self.open(turn, ref)

    def end_thinking(self) -> None:
        """Journal what was thought so far, because the step ends here."""
        drafts = self._thoughts(self._session.turn, self._thinking.close() if self._thinking else "")
        if drafts:
            self._session.append(*drafts)

    def drop(self) -> None:
        """Forget what was shown, and have clients forget it: the answer begins again."""
        began = self._output is not None or self._thinking is not None
        self.close()
        self._output = self._thinking = None
        if began:
            forget_deltas(self._session)

    def close(self) -> None:
        """Stop the timers of the streams; what they hold is sent."""
        for stream in (self._output, self._thinking):
            if stream is not None:
                stream.close()

    def _stream_of(self, emit: Emit) -> DeltaStream:
        session = self._session
        interval_s = session.services.tunables.delta_interval_s
        return DeltaStream(emit, interval_s, session.when_settled, held.veil(session.session_id))

    def _send_output(self, delta: str, accumulated: str) -> None:
        reach(FailPoint.MODEL_STREAMING)
        turn = self._session.turn
        data = ev.OutputDelta(
            turn_id=turn.turn_id, message_id=turn.message_id or "", delta=delta, accumulated=accumulated
        )
        self._session.send_delta(data, write.reason_context(turn))

    def _send_thought(self, delta: str, accumulated: str) -> None:
        turn = self._session.turn
        data = ev.ThinkingDelta(turn_id=turn.turn_id, delta=delta, accumulated=accumulated)
        self._session.send_delta(data, write.reason_context(turn))

    def _thoughts(self, turn: Turn, text: str) -> list[Draft]:
        """Return the end of the thinking if it is open."""
        self._thinking = None
        if not turn.is_thinking:
            return []
        data = ev.ThinkingCompleted(turn_id=turn.turn_id, thinking=text)
        return [Draft(data, write.reason_context(turn))]
