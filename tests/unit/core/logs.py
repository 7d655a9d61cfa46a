"""Short logs for tests of the core: each adds one event to a state, as a writer would."""

from typing import Any

import msgspec

from runtime.core import event as ev
from runtime.core.ids import format_id
from runtime.core.message import Message, Role, TextPart, ToolCallPart, Usage
from runtime.core.session.draft import Draft
from runtime.core.session.fold import apply
from runtime.core.session.state import SessionState

SESSION_ID = "session_" + "5" * 32
TIME = "2026-01-01T00:00:00.000Z"
USAGE = Usage(3, 2)
ADD = ToolCallPart("c1", "add", {"a": 1})
LOOK = ToolCallPart("c2", "look", {})
ASK = ToolCallPart("c3", "ask_human", {})


def message(message_id: str, text: str, role: Role = Role.USER, *calls: ToolCallPart) -> Message:
    return Message(id=message_id, role=role, content=(TextPart(text), *calls), created_at=TIME)


def event_of(state: SessionState, data: ev.Payload, **fields: Any) -> ev.Event:
    sequence = state.last_sequence + 1
    made = ev.Event(
        id=format_id("event", sequence << 64),
        type=data.type,
        ts=TIME,
        session_id=SESSION_ID,
        sequence=sequence,
        context=ev.Context(),
        data=data,
    )
    return msgspec.structs.replace(made, **fields)


class Log:
    """A state and the events that made it."""

    def __init__(self) -> None:
        self.state = SessionState(SESSION_ID)
        self.events: list[ev.Event] = []

    @property
    def turn(self) -> Any:
        return self.state.turn

    def add(self, data: ev.Payload, **fields: Any) -> "Log":
        event = event_of(self.state, data, **fields)
        apply(self.state, event)
        self.events.append(event)
        return self

    def draft(self, *drafts: Draft) -> "Log":
        for draft in drafts:
            self.add(draft.data, context=draft.context)
        return self

    # ------------------------------------------------------------ stations of a turn

    def said(self, message_id: str = "m1", text: str = "hello", **fields: Any) -> "Log":
        return self.add(ev.InputMessage(message=message(message_id, text)), **fields)

    def started(self) -> "Log":
        self.said() if not self.state.waiting_inputs else None
        self.add(ev.SessionActivated(turn_id="t1", input_message_id="m1"))
        return self.add(ev.TurnStarted(turn_id="t1", input_message_id="m1"))

    def reasoning(self) -> "Log":
        self.started() if self.state.turn is None else None
        return self.add(ev.ReasonStarted(harness_id="h"), context=ev.Context(exec_id="e1", span_id="e1"))

    def answered(self, text: str = "hi", *calls: ToolCallPart, message_id: str = "a1") -> "Log":
        self.reasoning()
        self.add(
            ev.LlmGeneration(
                messages=(),
                output=ev.GenerationOutput(),
                metadata=ev.GenerationMetadata(model="m", success=True, usage=USAGE),
            )
        )
        self.add(ev.OutputCompleted(message=message(message_id, text, Role.AGENT, *calls)))
        return self.add(ev.ReasonCompleted(success=True, has_tool_calls=bool(calls), tool_call_count=len(calls)))

    def failed(self, code: str = "provider_unavailable") -> "Log":
        self.reasoning()
        self.add(ev.OutputCompleted(message=message("a1", "sorry", Role.AGENT), error_code=code))
        return self.add(ev.ReasonCompleted(success=False, has_tool_calls=False, tool_call_count=0, error="in full"))

    def acting(self, *calls: ToolCallPart) -> "Log":
        self.answered("", *(calls or (ADD, LOOK)))
        return self.add(ev.ActStarted(tool_calls=()), context=ev.Context(exec_id="x1", span_id="x1"))

    def tool_started(self, call: ToolCallPart) -> "Log":
        return self.add(ev.ToolStarted(tool_call=call), context=ev.Context(span_id=f"span-{call.id}"))

    def tool_done(self, call: ToolCallPart, **outcome: Any) -> "Log":
        values: dict[str, Any] = {"success": True, "status": "success", "result": (TextPart("1"),), **outcome}
        return self.add(ev.ToolCompleted(tool_call_id=call.id, tool_name=call.name, **values))

    def waiting(self, *calls: ToolCallPart) -> "Log":
        self.answered("", *(calls or (ASK,)))
        return self.add(ev.ToolCallRequested(tool_calls=calls or (ASK,)))
