"""The simulated model: always there, needs no key, does what a script in the user's message says.

Demos, tests, chaos and load all run on it, so it is cheap: without a pace it never sleeps.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator, Iterator
from typing import Final

from runtime.core.message import Role, TextPart, ToolCallPart, Usage
from runtime.models import failures
from runtime.models.failures import Refusal
from runtime.models.script import Cue, Fail, Line, cue, without_scripts
from runtime.ports.model import ModelReply, ModelRequest, ReasoningDelta, StreamItem, TextDelta

ECHO: Final = "sim-echo"
LOREM: Final = "sim-lorem"
PROVIDER: Final = "llmsim"
PARTY: Final = failures.Party(PROVIDER, "The simulated model", "its script", "home", "its script")

NOTICE: Final = (
    "This is the simulated model, which answers because no provider is configured: add one in the console's settings "
    "or by POST /api/v1/providers and choose one of its models, or set OPENAI_API_KEY, ANTHROPIC_API_KEY or "
    "GEMINI_API_KEY (or another vendor's key) and start again.\n\n"
)
SCRIPT_IS_OVER: Final = "The script is over."
LOREM_TEXT: Final = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et "
    "dolore magna aliqua veniam."
)
_TOKEN: Final = re.compile(r"\s*\S+(?:\s+$)?|\s+")
_CHARACTERS_PER_TOKEN: Final = 4
_CONVERSATIONS: Final = 10_000
_BURST: Final = 64  # tokens between two breaths of the event loop


class SimulatedModel:
    """A `Model` that answers from the request alone: the same request always gets the same answer."""

    def __init__(self) -> None:
        self._characters: dict[str, int] = {}  # of a conversation up to a message: what was read once is not read again

    async def stream(self, request: ModelRequest) -> AsyncGenerator[StreamItem, None]:
        """Stream the scripted or standing answer.

        Raises:
            ModelUnavailableError: the script asks for a failure that may pass.
            ModelRejectedError: the script asks for a lasting failure, or there is no such model.
        """
        if request.model.name not in (ECHO, LOREM):
            raise failures.failure(PARTY, failures.NO_MODEL, Refusal(f"Try {ECHO} or {LOREM}."))
        found = cue(request)
        line = _line(request, found)
        if line.fail is not None and _fails(line.fail, request):
            raise failures.failure(PARTY, failures.code_of(line.fail.status), Refusal(status=line.fail.status))
        if line.delay_ms:
            await asyncio.sleep(line.delay_ms / 1000)
        pace = _Pace(line.tokens_per_second)
        for thought in _tokens(line.think or ""):
            await pace.beat()
            yield ReasoningDelta(thought)
        for token in _tokens(line.say or ""):
            await pace.beat()
            yield TextDelta(token)
        calls = _calls(line, found.message_id if found else "", request.call_index)
        yield ModelReply(
            text=line.say or "",
            thinking=line.think or None,
            tool_calls=calls,
            usage=Usage(self._heard(request), pace.tokens),
            finish_reason="tool_call" if calls else "stop",
        )

    def _heard(self, request: ModelRequest) -> int:
        """Return about as many tokens as a vendor would count."""
        said = 0
        for turned in reversed(request.history):
            before = self._characters.get(turned.message.id)
            if before is not None:
                said += before
                break
            said += sum(len(part.text) for part in turned.message.content if isinstance(part, TextPart))
        if request.history:
            self._characters[request.history[-1].message.id] = said
        if len(self._characters) > _CONVERSATIONS:
            del self._characters[next(iter(self._characters))]
        return (len(request.system) + said) // _CHARACTERS_PER_TOKEN


class _Pace:
    """Counts tokens and keeps their beat; without a beat it only lets others run now and then."""

    def __init__(self, tokens_per_second: float | None) -> None:
        self.tokens = 0
        self._per_second = tokens_per_second
        self._started_at = asyncio.get_running_loop().time() if tokens_per_second else 0.0

    async def beat(self) -> None:
        self.tokens += 1
        if self._per_second is not None:
            due_at = self._started_at + (self.tokens - 1) / self._per_second
            await asyncio.sleep(max(0.0, due_at - asyncio.get_running_loop().time()))
        elif self.tokens % _BURST == 0:
            await asyncio.sleep(0)


def _line(request: ModelRequest, found: Cue | None) -> Line:
    if found is None:
        return Line(say=_standing_answer(request))
    if found.mistake is not None:
        return Line(say=found.mistake)
    if found.line is None:
        return Line(say=SCRIPT_IS_OVER)
    if found.line.say is None and not found.line.call:
        return _with_say(found.line, _standing_answer(request) or SCRIPT_IS_OVER)
    return found.line


def _fails(fail: Fail, request: ModelRequest) -> bool:
    return fail.model in (None, request.model.name) and request.attempt < fail.times


def _with_say(line: Line, say: str) -> Line:
    return Line(say, line.think, line.call, line.fail, line.delay_ms, line.tokens_per_second)


def _standing_answer(request: ModelRequest) -> str:
    if request.model.name == LOREM:
        return LOREM_TEXT
    users = (turned.message for turned in reversed(request.history) if turned.message.role is Role.USER)
    newest = next(users, None)
    said = without_scripts(newest.text) if newest else ""
    return NOTICE + said if request.model.is_default else said


def _tokens(text: str) -> Iterator[str]:
    """Split into words that keep the white space before them, so that joining gives the text back."""
    return (match[0] for match in _TOKEN.finditer(text))


def _calls(line: Line, message_id: str, call_index: int) -> tuple[ToolCallPart, ...]:
    """Return the calls under ids that a second run of the same model call gives again."""
    return tuple(
        ToolCallPart(_call_id(message_id, call_index, position), call.name, call.arguments)
        for position, call in enumerate(line.call)
    )


def _call_id(message_id: str, call_index: int, position: int) -> str:
    seed = f"{message_id}/{call_index}/{position}".encode()
    return f"call_{hashlib.blake2b(seed, digest_size=16).hexdigest()}"
