"""What the chat shows for which events."""

import io
from typing import Any

import pytest
from rich.console import Console

from api.terminal import words
from api.terminal.chat.screen import Screen
from runtime.core import event as ev
from runtime.core.message import ImagePart, Message, Role, TextPart, ToolCallPart, ToolResultPart

CALL = ToolCallPart("call_1", "add", {"a": 1, "b": "x"})
OTHER = ToolCallPart("call_2", "look", {})


class Terminal:
    """A screen whose text a test reads; `err` and `out` are the same, as on a terminal."""

    def __init__(self) -> None:
        self._file = io.StringIO()
        console = Console(file=self._file, width=40, soft_wrap=True)
        self.screen = Screen(console, console)

    def shows(self, *events: ev.Payload) -> str:
        for data in events:
            self.screen.event(event(data))
        return self._file.getvalue()


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


def event(data: ev.Payload) -> ev.Event:
    return ev.Event(id="event_1", type=data.type, ts="", session_id="session_1", context=ev.Context(), data=data)


def message(text: str, role: Role = Role.AGENT, message_id: str = "m", **fields: Any) -> Message:
    return Message(id=message_id, role=role, content=(TextPart(text),), created_at="", **fields)


def delta(accumulated: str, message_id: str = "m") -> ev.OutputDelta:
    return ev.OutputDelta(turn_id="t", message_id=message_id, delta="", accumulated=accumulated)


def completed(text: str, message_id: str = "m", error_code: str | None = None) -> ev.OutputCompleted:
    return ev.OutputCompleted(message=message(text, message_id=message_id), error_code=error_code)


def outcome(call: ToolCallPart, text: str = "", **fields: Any) -> ev.ToolCompleted:
    return ev.ToolCompleted(
        tool_call_id=call.id,
        tool_name=call.name,
        success="error" not in fields,
        status="error" if "error" in fields else "success",
        result=(TextPart(text),) if text else None,
        **fields,
    )


IDLED = ev.SessionIdled(turn_id="t")


def test_a_message_grows_by_what_is_new(terminal: Terminal) -> None:
    assert terminal.shows(delta("one")) == "one"
    assert terminal.shows(delta("one two")) == "one two"
    assert terminal.shows(completed("one two three")) == "one two three\n"


def test_a_long_line_and_its_blanks_stay_as_they_are(terminal: Terminal) -> None:
    text = "word " * 30 + "   "
    assert terminal.shows(delta(text), completed(text + "\n\n[bold]x[/] :smile: end")).startswith(text)
    assert terminal.shows().endswith("\n\n[bold]x[/] :smile: end\n")


def test_a_narrow_terminal_breaks_lines_between_words_while_they_grow() -> None:
    file = io.StringIO()
    console = Console(file=file, width=12, force_terminal=True, color_system=None)
    screen = Screen(console, console)
    for so_far in ("one two", "one two th", "one two three", "one two three four"):
        screen.event(event(delta(so_far)))
    screen.note("and a note of us")
    assert file.getvalue() == "one two th\b\b\x1b[K\nthree four\nand a note \nof us\n"


def test_a_tab_reaches_the_terminal_as_one(terminal: Terminal) -> None:
    assert terminal.shows(delta("a"), delta("a\tb")) == "a\tb"


def test_deltas_that_were_missed_are_made_up_for(terminal: Terminal) -> None:
    assert terminal.shows(delta("one"), delta("one two three")) == "one two three"


def test_a_delta_that_comes_again_shows_nothing(terminal: Terminal) -> None:
    assert terminal.shows(delta("one two"), delta("one"), delta("one two")) == "one two"


def test_a_message_that_nobody_streamed_is_shown_whole(terminal: Terminal) -> None:
    assert terminal.shows(completed("all of it")) == "all of it\n"


def test_a_recovered_message_starts_again(terminal: Terminal) -> None:
    recovered = ev.ReasonRecovered(turn_id="t", mode="restart", accumulated_len=0)
    shown = terminal.shows(delta("one tw"), recovered, delta("one"), completed("one two"))
    assert shown == "one tw\n(interrupted; the answer starts again)\none two\n"


def test_another_model_that_takes_over_is_a_quiet_line_and_the_answer_begins_anew(terminal: Terminal) -> None:
    tried = ev.Tried(
        model="m1", provider="p1", model_id="p1:m1", error_code="provider_unavailable", error="It is away."
    )
    rerouted = ev.ReasonRerouted(turn_id="t", tried=tried, model="m2", provider="p2")
    shown = terminal.shows(delta("one tw"), rerouted, delta("one"), completed("one two"))
    assert shown == "one tw\n(It is away. m2 of p2 takes over.)\none two\n"


def test_a_recovery_before_the_first_word_is_not_mentioned(terminal: Terminal) -> None:
    recovered = ev.ReasonRecovered(turn_id="t", mode="restart", accumulated_len=0)
    assert terminal.shows(recovered, completed("one")) == "one\n"


def test_a_replaced_text_is_shown_anew(terminal: Terminal) -> None:
    assert terminal.shows(delta("bad"), completed("good")) == "bad\n(the text changed; it starts again)\ngood\n"


def test_thinking_comes_before_the_answer(terminal: Terminal) -> None:
    thought = ev.ThinkingDelta(turn_id="t", delta="", accumulated="Well,")
    done = ev.ThinkingCompleted(turn_id="t", thinking="Well, yes.")
    assert terminal.shows(thought, done, delta("Yes")) == "Well, yes.\nYes"


def test_thinking_is_dimmed() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, color_system="standard")
    Screen(console, console).event(event(ev.ThinkingCompleted(turn_id="t", thinking="Well.")))
    assert file.getvalue() == "\x1b[2mWell.\x1b[0m\n"


def test_a_tool_call_is_one_line(terminal: Terminal) -> None:
    assert terminal.shows(ev.ToolStarted(tool_call=CALL)) == '→ add(a=1, b="x")'
    assert terminal.shows(outcome(CALL, "1x\nand more", duration_ms=12)) == '→ add(a=1, b="x") ✓ 1x and more (12 ms)\n'


def test_calls_at_the_same_time_keep_their_outcomes_apart(terminal: Terminal) -> None:
    shown = terminal.shows(
        ev.ToolStarted(tool_call=CALL),
        ev.ToolStarted(tool_call=OTHER),
        outcome(CALL, "1x", duration_ms=1500),
        outcome(OTHER, error="no eyes"),
    )
    assert shown == '→ add(a=1, b="x")\n→ look()\n→ add(a=1, b="x") ✓ 1x (1.5 s)\n→ look() ✗ no eyes\n'


def test_output_of_a_running_tool_goes_below_its_line(terminal: Terminal) -> None:
    output = ev.ToolOutputDelta(tool_call_id="call_1", tool_name="add", delta="comp", stream="stdout")
    shown = terminal.shows(ev.ToolStarted(tool_call=OTHER), output, output, outcome(OTHER, "done"))
    assert shown == "→ look()\ncompcomp\n→ look() ✓ done\n"


def test_a_tool_of_the_client_is_shown_with_its_arguments(terminal: Terminal) -> None:
    shown = terminal.shows(ev.ToolCallRequested(tool_calls=(CALL,)), outcome(CALL, "3"))
    assert shown == '→ add(a=1, b="x") ✓ 3\n'


def test_an_unknown_call_is_shown_by_its_name(terminal: Terminal) -> None:
    assert terminal.shows(outcome(CALL, "3")) == "→ add() ✓ 3\n"


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (ev.FileWritten(path="/a", operation="edit", created=False, size_bytes=3), "  edit /a (3 bytes)\n"),
        (ev.FileWritten(path="/a", operation="delete", created=False, size_bytes=0), "  delete /a\n"),
        (ev.ToolProgress(tool_call_id="c", tool_name="t", message="half\nway"), "  half way\n"),
        (
            ev.TranscriptRepaired(tool_call_id="c", action="synthesize", tool_name="pay"),
            "  a crash interrupted pay; it was not run again\n",
        ),
        (
            ev.TranscriptRepaired(tool_call_id="c", action="replay", tool_name="look"),
            "  a crash interrupted look; it is run again\n",
        ),
        (
            ev.ToolDecisionMade(tool_call_id="c", tool_name="pay", attempt=1, decision="skip"),
            "  decided: pay, skip\n",
        ),
        (ev.ReasonWaiting(turn_id="t", provider="openai"), "(waiting for a turn: openai has limits)\n"),
        (
            ev.ReasonRetrying(
                turn_id="t", attempt=1, max_attempts=3, wait_ms=1500, error="It is busy.", error_code="provider_busy"
            ),
            "(It is busy. Attempt 2 of 3 in 1.5 s.)\n",
        ),
        (ev.ReasonStarted(harness_id="h"), ""),
    ],
)
def test_small_events_are_a_line_or_nothing(terminal: Terminal, data: ev.Payload, shown: str) -> None:
    assert terminal.shows(data) == shown


def test_a_failure_is_told_once_with_its_code(terminal: Terminal) -> None:
    failed = ev.TurnFailed(turn_id="t", error="Please wait.", error_code="provider_rate_limited")
    shown = terminal.shows(delta("par"), failed, completed("Please wait.", error_code="provider_rate_limited"), IDLED)
    assert shown == "par\nprovider_rate_limited: Please wait.\n"


def test_a_turn_that_was_sealed_says_why(terminal: Terminal) -> None:
    assert (
        terminal.shows(ev.TurnSealed(turn_id="t", reason="budget", detail="Spent."), IDLED)
        == "stopped (budget): Spent.\n"
    )


def test_a_cancelled_turn_keeps_what_was_said(terminal: Terminal) -> None:
    note = ev.InputMessage(message=message("[cancelled]", Role.USER, metadata={"source": "cancel"}))
    shown = terminal.shows(delta("one"), ev.TurnCancelled(turn_id="t"), note, completed("one two"), IDLED, IDLED)
    assert shown == "one two\n(cancelled)\n"


def test_only_messages_of_others_are_shown(terminal: Terminal) -> None:
    terminal.screen.typed("mine")
    mine = ev.InputMessage(message=message("hi", Role.USER, "mine"))
    theirs = ev.InputMessage(message=message("hello", Role.USER, "theirs"))
    assert terminal.shows(delta("wor"), mine, theirs) == "wor\n> hello\n"


def test_a_note_in_the_middle_of_a_message_does_not_repeat_it(terminal: Terminal) -> None:
    terminal.shows(delta("one t"))
    terminal.screen.note("reconnecting ...")
    assert terminal.shows(delta("one two")) == "one t\nreconnecting ...\nwo"


def test_text_cannot_steer_the_terminal(terminal: Terminal) -> None:
    assert terminal.shows(completed("a\x1b[2Jb\x07\x9b1mc\td\r\ne")) == "a[2Jb1mc\td\ne\n"


def test_history_shows_all_kinds_of_messages(terminal: Terminal) -> None:
    asking = Message(id="2", role=Role.AGENT, content=(TextPart("Let me."), CALL), created_at="")
    answer = Message(id="3", role=Role.TOOL_RESULT, content=(ToolResultPart("call_1", result="1x"),), created_at="")
    failed = Message(id="4", role=Role.TOOL_RESULT, content=(ToolResultPart("call_1", error="no"),), created_at="")
    picture = Message(id="5", role=Role.USER, content=(TextPart("See "), ImagePart("http://x")), created_at="")
    terminal.screen.history([asking, answer, failed, picture])
    assert terminal.shows() == 'Let me.\n→ add(a=1, b="x")\n  1x\n  no\n> See [picture]\n'


def test_long_words_are_cut() -> None:
    assert words.brief("x" * 200) == "x" * 99 + "…"
    assert words.call("save", {"text": "y" * 1000}).endswith("y…")
    assert words.duration(None) == ""
