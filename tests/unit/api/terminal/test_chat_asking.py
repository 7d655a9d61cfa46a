"""What a turn waits for, asked at the prompt."""

import io
from typing import Any

import pytest
from rich.console import Console

from api.terminal.chat.asking import Asker, chosen
from api.terminal.chat.keyboard import Keyboard, Pipe
from api.terminal.chat.screen import Screen
from runtime.core import event as ev
from runtime.core.message import ToolCallPart
from runtime.core.session.decision import CHOICES

QUESTION = ev.ToolDecisionRequested(
    tool_call=ToolCallPart("call_1", "wire", {"euros": 5}),
    attempt=2,
    idempotency_key="k",
    expires_at="2026-12-02T00:00:00Z",
    headline="Did Wire transfer take effect?",
    message="It was cut off.",
    choices=CHOICES,
    display_name="Wire transfer",
)


class Answers:
    """Plays a person who answers one line after the other."""

    is_terminal = True

    def __init__(self, *lines: str) -> None:
        self._lines = list(lines)

    def line(self, prompt: str) -> str:
        if not self._lines:
            raise EOFError
        return self._lines.pop(0)

    def has_more(self) -> bool:
        return False

    def has_draft(self) -> bool:
        return False


def asked(keys: Keyboard) -> tuple[dict[str, Any] | None, str]:
    """Return what was decided, None if nothing was, and what was shown."""
    file = io.StringIO()
    console = Console(file=file, width=200)
    try:
        decision = Asker(keys, Screen(console, console)).decision(QUESTION)
    except EOFError:
        decision = None
    return decision, file.getvalue()


def test_a_decision_is_asked_with_the_call_and_all_choices() -> None:
    decision, shown = asked(Answers("2"))
    assert decision == {"decision": CHOICES[1].decision, "attempt": 2}
    assert shown.startswith(
        "Did Wire transfer take effect?\nIt was cut off.\n→ wire(euros=5)\n  1  happened: It happened."
    )
    assert all(choice.description in shown for choice in CHOICES)


def test_what_happened_has_a_result_if_somebody_knows_it() -> None:
    assert asked(Answers("happened", '{"receipt": 7}'))[0] == {
        "decision": "happened", "attempt": 2, "result": {"receipt": 7},
    }  # fmt: skip
    assert asked(Answers("h", "receipt 7"))[0] == {"decision": "happened", "attempt": 2, "result": "receipt 7"}
    assert asked(Answers("1", " "))[0] == {"decision": "happened", "attempt": 2}


def test_an_answer_that_is_none_is_said_and_asked_again() -> None:
    decision, shown = asked(Answers("maybe", "4", "", "skip"))
    assert decision == {"decision": "skip", "attempt": 2}
    assert "'maybe' is none of them: give a number, or happened, retry, skip." in shown
    assert shown.count("  1  happened") == 4


def test_a_line_of_a_pipe_is_never_a_decision() -> None:
    decision, shown = asked(Pipe(io.StringIO("retry\n")))
    assert decision is None
    assert "only a person at a terminal may say what to do" in shown


@pytest.mark.parametrize(
    ("answer", "decision"),
    [("0", None), ("3", "skip"), ("RE", "retry"), ("", None), ("skipped", None), ("٣", "skip")],
)
def test_a_choice_is_a_number_or_the_beginning_of_its_name(answer: str, decision: str | None) -> None:
    found = chosen(answer, CHOICES)
    assert (found.decision if found else None) == decision
