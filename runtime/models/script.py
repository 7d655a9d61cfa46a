"""Scripts for the simulated model: a fenced block in a user message, one JSON object for each model call.

    ```sim
    {"think": "Add them.", "call": [{"name": "add", "arguments": {"a": 1, "b": 2}}]}
    {"say": "It is three.", "tokens_per_second": 20}
    ```

Which line is played comes from the journal alone: the newest script of the turn wins, and its first line
is the first call after its message arrived.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Final

import msgspec

from runtime.core.message import Message, Role
from runtime.ports.model import ModelRequest

_FENCE: Final = re.compile(
    r"^(?P<fence>`{3,}|~{3,})[ \t]*sim[ \t]*\r?\n(?P<body>.*?)(?:^(?P=fence)[`~]*[ \t]*\r?$\n?|\Z)", re.M | re.S
)


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool to call."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    arguments: dict[str, Any] = msgspec.field(default_factory=dict)


class Fail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first `times` attempts fail as a vendor's HTTP `status` would; with `model`, those at that model only."""

    status: Annotated[int, msgspec.Meta(ge=400, le=599)]
    times: Annotated[int, msgspec.Meta(ge=0)] = 1
    model: str | None = None


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to do in one model call; keys combine."""

    say: str | None = None
    think: str | None = None
    call: tuple[Call, ...] = ()
    fail: Fail | None = None
    delay_ms: Annotated[float, msgspec.Meta(ge=0)] = 0
    tokens_per_second: Annotated[float, msgspec.Meta(gt=0)] | None = None


class Cue(msgspec.Struct, frozen=True):
    """What a script says about this call: a `line`, a `mistake` in words, or neither when it is used up."""

    message_id: str
    line: Line | None = None
    mistake: str | None = None


_decoder = msgspec.json.Decoder(Line)


def cue(request: ModelRequest) -> Cue | None:
    """Return what the script of this turn says about this call; None if the turn has no script."""
    calls_before, script = 0, None
    for message in _turn(request):
        if message.role is Role.AGENT:
            calls_before += 1
        elif message.role is Role.USER and "sim" in message.text and (lines := _lines(message.text)):
            script = (message.id, lines, request.call_index - calls_before)
    if script is None:
        return None
    message_id, lines, index = script
    parsed: list[Line] = []
    for number, text in enumerate(lines, start=1):
        try:
            parsed.append(_decoder.decode(text))
        except (msgspec.DecodeError, RecursionError) as err:  # which nesting without end leads to
            return Cue(message_id, mistake=f"Line {number} of the sim script is wrong: {err}.")
    return Cue(message_id, parsed[index] if 0 <= index < len(parsed) else None)


def without_scripts(text: str) -> str:
    """Return a message's text without its script blocks."""
    rest, count = _FENCE.subn("", text)
    return rest.strip() if count else text


def _turn(request: ModelRequest) -> Sequence[Message]:
    """Return the messages of the turn, oldest first.

    Every finished call of the turn left one agent message, so the turn cannot reach back further than
    the last `call_index` of those.
    """
    return list(_newest_first(request))[::-1]


def _newest_first(request: ModelRequest) -> Iterator[Message]:
    calls = 0
    for turned in reversed(request.history):
        message = turned.message
        calls += message.role is Role.AGENT
        if calls > request.call_index:
            return
        yield message
        if message.id == request.input_message_id:
            return


def _lines(text: str) -> list[str]:
    bodies: Iterable[str] = (match["body"] for match in _FENCE.finditer(text))
    return [line for body in bodies for line in body.splitlines() if line.strip()]
