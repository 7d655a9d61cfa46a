"""Where a conversation stands, as far as its events tell: the fold that decides when it is the user's turn."""

from functools import singledispatchmethod

from runtime.core import event as ev
from runtime.core.message import Message, ToolCallPart

CANCEL = "cancel"


def is_note(message: Message) -> bool:
    """Tell whether a user message is the server's own note of a cancel: nobody answers it."""
    return (message.metadata or {}).get("source") == CANCEL


class Progress:
    """The fold. `sequence` is that of the last durable event."""

    def __init__(self, sequence: int = 0) -> None:
        self.sequence = sequence
        self.expected: str | None = None  # the id of a message that is known to be in the log, further on
        self.has_failed = False  # whether a turn ended badly, ever
        self.pending: dict[str, ToolCallPart] = {}  # calls that wait for the client
        self.questions: dict[str, ev.ToolDecisionRequested] = {}  # calls that wait for a person's decision
        self._is_running = False
        self._is_owed = False  # a message came that no turn was begun for, and no model has heard

    @property
    def is_settled(self) -> bool:
        """Whether nothing more happens before the user says or answers something."""
        if self.expected is not None:
            return False
        return self.is_asking or not (self._is_owed or self._is_running)

    @property
    def is_asking(self) -> bool:
        """Whether the turn waits for an answer of the user's."""
        return bool(self.pending or self.questions)

    def forget_questions(self) -> None:
        """Take nothing for waiting any more, before the log says so."""
        self.pending.clear()
        self.questions.clear()

    def apply(self, event: ev.Event) -> None:
        """Take the next event into account."""
        self.sequence = event.sequence or self.sequence
        self._apply(event.data)

    @singledispatchmethod
    def _apply(self, _data: ev.Payload) -> None:
        pass

    @_apply.register
    def _input(self, data: ev.InputMessage) -> None:
        if data.message.id == self.expected:
            self.expected = None
        if not is_note(data.message):
            self._is_owed = True

    @_apply.register
    def _started(self, _data: ev.TurnStarted) -> None:
        self._is_running, self._is_owed = True, False

    @_apply.register
    def _heard(self, _data: ev.ReasonStarted | ev.TurnCancelled) -> None:
        self._is_owed = False

    @_apply.register
    def _failed(self, _data: ev.TurnFailed | ev.TurnSealed) -> None:
        self.has_failed = True

    @_apply.register
    def _idled(self, _data: ev.SessionIdled) -> None:
        self._is_running = False
        self.forget_questions()

    @_apply.register
    def _requested(self, data: ev.ToolCallRequested) -> None:
        self.pending |= {call.id: call for call in data.tool_calls}

    @_apply.register
    def _completed(self, data: ev.ToolCompleted) -> None:
        self.pending.pop(data.tool_call_id, None)
        self.questions.pop(data.tool_call_id, None)

    @_apply.register
    def _decision_requested(self, data: ev.ToolDecisionRequested) -> None:
        self.questions[data.tool_call.id] = data

    @_apply.register
    def _decision_made(self, data: ev.ToolDecisionMade) -> None:
        self.questions.pop(data.tool_call_id, None)
