"""What an agent's turn waits for, asked of the user at the prompt: results of the client's tools, and decisions.

Each question raises EOFError where the user has no more to say, and KeyboardInterrupt on ctrl-C.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from api.terminal import words
from api.terminal.chat.keyboard import Keyboard
from api.terminal.chat.screen import BAD, Screen
from runtime.core import event as ev
from runtime.core.message import ToolCallPart

CHOICE: Final = "Your choice: "
RESULT: Final = "Its result (JSON or text, or nothing): "


class Asker:
    """Asks one user."""

    def __init__(self, keys: Keyboard, screen: Screen) -> None:
        self._keys = keys
        self._screen = screen

    def result(self, call: ToolCallPart) -> dict[str, Any]:
        """Return what a tool of the client's answered, as `POST …/tool-results` takes it."""
        waiting = f"{words.call(call.name, call.arguments)} waits for your result"
        self._screen.note(f"{waiting}: JSON or text, or !text for an error.")
        try:
            answer = self._keys.line(f"{words.brief(call.name)}: ")
        except EOFError:
            if not self._keys.is_terminal:
                self._screen.note(f"Nobody answers {words.brief(call.name)}: the input is over.", BAD)
            raise
        if answer.startswith("!"):
            return {"tool_call_id": call.id, "error": answer[1:].strip() or "failed"}
        return {"tool_call_id": call.id, "result": json_or_text(answer)}

    def decision(self, question: ev.ToolDecisionRequested) -> dict[str, Any]:
        """Return what a person says became of an interrupted call, as its decision route takes it.

        Lines of a pipe are messages, and none of them is taken for a decision.
        """
        name = words.brief(question.display_name or question.tool_call.name)
        if not self._keys.is_terminal:
            self._screen.note(f"A crash cut {name} off, and only a person at a terminal may say what to do.", BAD)
            raise EOFError
        self._screen.note(question.headline, "bold")
        self._screen.note(question.message)
        self._screen.note(f"→ {words.call(question.tool_call.name, question.tool_call.arguments)}")
        choice = self._choice(question.choices)
        body: dict[str, Any] = {"decision": choice.decision, "attempt": question.attempt}
        if choice.decision == ev.HAPPENED and (answer := self._keys.line(RESULT).strip()):
            body["result"] = json_or_text(answer)
        return body

    def _choice(self, choices: Sequence[ev.DecisionChoice]) -> ev.DecisionChoice:
        while True:
            for number, choice in enumerate(choices, start=1):
                self._screen.note(f"  {number}  {choice.decision}: {choice.label}. {choice.description}", "")
            answer = self._keys.line(CHOICE).strip()
            if (found := chosen(answer, choices)) is not None:
                return found
            names = ", ".join(choice.decision for choice in choices)
            self._screen.note(f"{words.brief(answer)!r} is none of them: give a number, or {names}.", BAD)


def chosen(answer: str, choices: Sequence[ev.DecisionChoice]) -> ev.DecisionChoice | None:
    """Return the choice with that number, or whose name begins so and no other's does; None if there is none."""
    if answer.isdecimal():
        return choices[int(answer) - 1] if 1 <= int(answer) <= len(choices) else None
    found = [choice for choice in choices if answer and choice.decision.startswith(answer.casefold())]
    return found[0] if len(found) == 1 else None


def json_or_text(answer: str) -> Any:
    """Return the value of JSON, and else the words themselves."""
    try:
        return msgspec.json.decode(answer)
    except msgspec.DecodeError:
        return answer
