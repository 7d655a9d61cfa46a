"""What the terminal shows of a session: events in, text out. Knows nothing of HTTP and keys."""

import io
from collections.abc import Sequence
from functools import singledispatchmethod
from typing import Final

from rich.console import Console, RenderableType

from api.terminal import words
from api.terminal.chat import markdown
from api.terminal.chat.pen import Pen
from api.terminal.chat.progress import is_note
from api.terminal.chat.prose import Prose
from runtime.core import event as ev
from runtime.core.message import Message, Role, ToolCallPart

DIM: Final = "dim"
BAD: Final = "red"
USER: Final = "bold"


class Screen:
    """Shows each thing once. The conversation goes to `out`; what is said about it, and errors, to `err`.

    All of it raises BrokenPipeError when nobody reads it any more.
    """

    def __init__(self, out: Console, err: Console) -> None:
        for stream in (out.file, err.file):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # what its encoding lacks is a question mark, not the end
        self._out = Pen(out)
        self._err = Pen(err)
        self._draws = out.is_terminal and not out.is_dumb_terminal
        self._is_midline = False
        self._strand: tuple[str, str] | None = None  # the text that grows on the last line: its key, what is shown
        self._prose: Prose | None = None  # of that text, if it is drawn
        self._calls: dict[str, ToolCallPart] = {}
        self._open_call: str | None = None  # the call whose line still lacks its outcome
        self._ending: tuple[str, str] | None = None  # of the turn, with its style
        self._own: set[str] = set()

    def leave(self) -> None:
        """Hear that another session follows, of which nothing is on the screen."""
        self._own.clear()
        self._calls.clear()

    def typed(self, message_id: str) -> None:
        """Hear of a message that is on the screen already, because the user typed it there."""
        self._own.add(message_id)

    def note(self, text: str, style: str = DIM) -> None:
        """Show a line that is not part of the conversation."""
        self.end_line()
        self._disturb()
        self._err.write(f"{text}\n", style)

    def show(self, table: RenderableType) -> None:
        """Show what is laid out for the width of the terminal."""
        self.end_line()
        self._disturb()
        self._err.show(table)

    def history(self, messages: Sequence[Message]) -> None:
        """Show messages of turns that are over."""
        for message in messages:
            self._calls |= {call.id: call for call in message.tool_calls}
            text = words.content(message.content)
            if message.role is Role.TOOL_RESULT:
                self._line(f"  {words.brief(text)}", DIM)
            elif message.role is Role.USER:
                self._user(message)
            elif text:
                self._answer(text)
            for call in message.tool_calls:
                self._line(f"→ {words.call(call.name, call.arguments)}", DIM)

    def event(self, event: ev.Event) -> None:
        """Show an event, if there is anything to show."""
        self._show(event.data)

    def end_line(self) -> None:
        """Go to the beginning of a line."""
        if self._is_midline:
            self._write("\n")
        self._open_call = None

    def gap(self) -> None:
        """Show an empty line."""
        self.end_line()
        self._write("\n")

    # ------------------------------------------------------------ events

    @singledispatchmethod
    def _show(self, _data: ev.Payload) -> None:
        pass

    @_show.register
    def _input(self, data: ev.InputMessage) -> None:
        if data.message.id not in self._own and not is_note(data.message):
            self._user(data.message)

    @_show.register
    def _recovered(self, _data: ev.ReasonRecovered) -> None:
        if self._strand is not None:
            self.note("(interrupted; the answer starts again)")
            self._strand = self._prose = None

    @_show.register
    def _retrying(self, data: ev.ReasonRetrying) -> None:
        wait_s = data.wait_ms / 1000
        self.note(f"({data.error} Attempt {data.attempt + 1} of {data.max_attempts} in {wait_s:.1f} s.)")

    @_show.register
    def _waiting(self, data: ev.ReasonWaiting) -> None:
        self.note(f"(waiting for a turn: {data.provider} has limits)")

    @_show.register
    def _rerouted(self, data: ev.ReasonRerouted) -> None:
        self._end_strand()  # what was streamed of it is void
        self.note(f"({data.tried.error} {data.model} of {data.provider} takes over.)")

    @_show.register
    def _thinking_delta(self, data: ev.ThinkingDelta) -> None:
        self._grow(f"thinking {data.turn_id}", data.accumulated, DIM)

    @_show.register
    def _thinking_completed(self, data: ev.ThinkingCompleted) -> None:
        if data.thinking:
            self._grow(f"thinking {data.turn_id}", data.thinking, DIM)
        self._end_strand()

    @_show.register
    def _output_delta(self, data: ev.OutputDelta) -> None:
        self._grow(data.message_id, data.accumulated, is_prose=True)

    @_show.register
    def _output_completed(self, data: ev.OutputCompleted) -> None:
        text = words.content(data.message.content)
        if text and data.error_code is None:  # an error is told once, with its code, at the end of the turn
            self._grow(data.message.id, text, is_prose=True)
        self._end_strand()

    @_show.register
    def _tool_started(self, data: ev.ToolStarted) -> None:
        self._calls[data.tool_call.id] = data.tool_call
        self._begin_call(data.tool_call)

    @_show.register
    def _tool_progress(self, data: ev.ToolProgress) -> None:
        self._line(f"  {words.brief(data.message)}", DIM)

    @_show.register
    def _tool_output(self, data: ev.ToolOutputDelta) -> None:
        if self._open_call is not None:
            self.end_line()
        self._write(data.delta, DIM)

    @_show.register
    def _tool_completed(self, data: ev.ToolCompleted) -> None:
        if self._open_call != data.tool_call_id:
            self._begin_call(self._calls.get(data.tool_call_id) or ToolCallPart(data.tool_call_id, data.tool_name, {}))
        took = words.duration(data.duration_ms)
        suffix = f" ({took})" if took else ""
        if data.success:
            self._write(f" ✓ {words.brief(words.content(data.result))}".rstrip() + suffix, DIM)
        else:
            self._write(f" ✗ {words.brief(data.error or data.status)}{suffix}", BAD)
        self.end_line()

    @_show.register
    def _tools_requested(self, data: ev.ToolCallRequested) -> None:
        self._calls |= {call.id: call for call in data.tool_calls}

    @_show.register
    def _repaired(self, data: ev.TranscriptRepaired) -> None:
        fate = "it is run again" if data.action == ev.REPLAY else "it was not run again"
        self._line(f"  a crash interrupted {data.tool_name or data.tool_call_id}; {fate}", DIM)

    @_show.register
    def _decided(self, data: ev.ToolDecisionMade) -> None:
        self._line(f"  decided: {data.tool_name}, {data.decision}", DIM)

    @_show.register
    def _file_written(self, data: ev.FileWritten) -> None:
        size = "" if data.operation == "delete" else f" ({data.size_bytes} bytes)"
        self._line(f"  {data.operation} {words.brief(data.path)}{size}", DIM)

    @_show.register
    def _failed(self, data: ev.TurnFailed) -> None:
        self._ending = (f"{data.error_code or 'failed'}: {data.error}", BAD)

    @_show.register
    def _sealed(self, data: ev.TurnSealed) -> None:
        self._ending = (f"stopped ({data.reason}): {data.detail or 'the turn was ended by a guard'}", BAD)

    @_show.register
    def _cancelled(self, _data: ev.TurnCancelled) -> None:
        self._ending = ("(cancelled)", DIM)

    @_show.register
    def _idled(self, _data: ev.SessionIdled) -> None:
        self._end_strand()
        if self._ending is not None:
            self.note(*self._ending)
            self._ending = None

    # ------------------------------------------------------------ writing

    def _user(self, message: Message) -> None:
        self._line(f"> {words.content(message.content)}", USER)

    def _begin_call(self, call: ToolCallPart) -> None:
        self.end_line()
        self._write(f"→ {words.call(call.name, call.arguments)}", DIM)
        self._open_call = call.id

    def _answer(self, text: str) -> None:
        """Show what an agent has said, whole."""
        if self._draws and len(text) <= markdown.MOST_CHARS and not markdown.is_plain(text):
            self.end_line()
            self._out.draw(markdown.drawn(text, self._out.console))
        else:
            self._line(text)

    def _grow(self, key: str, whole: str, style: str = "", *, is_prose: bool = False) -> None:
        """Show what is new of a text that is `whole` so far."""
        if self._strand is None or self._strand[0] != key:
            self.end_line()
            self._begin_strand(key, is_prose=is_prose)
        shown = self._strand[1] if self._strand else ""
        if not whole.startswith(shown):
            if shown.startswith(whole):
                return
            self.note("(the text changed; it starts again)")
            self._begin_strand(key, is_prose=is_prose)
            shown = ""
        new = whole[len(shown) :]
        if self._prose is None:
            self._write(new, style)
        elif new:
            self._prose.add(new)
            self._is_midline = not new.endswith("\n")
        self._strand = (key, whole)

    def _begin_strand(self, key: str, *, is_prose: bool) -> None:
        self._strand = (key, "")
        self._prose = Prose(self._out) if is_prose and self._draws else None

    def _end_strand(self) -> None:
        if self._strand is not None:
            if self._prose is not None and self._prose.end():
                self._is_midline = False
            self._strand = self._prose = None
            self.end_line()

    def _disturb(self) -> None:
        """Have the text that grows know that something else is written."""
        if self._prose is not None:
            self._prose.disturb()

    def _line(self, text: str, style: str = "") -> None:
        self.end_line()
        self._write(f"{text}\n", style)

    def _write(self, text: str, style: str = "") -> None:
        shown = words.clean(text)
        if shown:
            self._disturb()
            self._out.write(shown, style)
            self._is_midline = not shown.endswith("\n")
