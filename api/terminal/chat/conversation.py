"""The conversation: the user's turn at the keyboard, the agent's turn on the screen, one after the other.

Nothing runs while the user types: what happened meanwhile is in the log, and the next stream begins there.
So the keyboard may block, and a server that restarts meanwhile is not even noticed.
"""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

import msgspec
from rich.console import Console

from api.terminal.chat import words
from api.terminal.chat.client import DEFAULT_URL, Client, Listed
from api.terminal.chat.keyboard import Keyboard, Terminal, keyboard, read_message
from api.terminal.chat.progress import Progress, is_note
from api.terminal.chat.screen import BAD, Screen
from api.terminal.program import program
from runtime.core.errors import CallerError, InvalidInputError
from runtime.core.ids import parse_id
from runtime.core.message import Role, ToolCallPart

FAILED: Final = 1
INTERRUPTED: Final = 130  # 128 + SIGINT, as shells have it
RECENT: Final = 6  # messages shown of a session that is resumed
CANCEL_RETRY_S: Final = 0.2
CANCEL_GRACE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    url: str = DEFAULT_URL
    agent: str | None = None
    session: str | None = None


class _End(Enum):
    SETTLED = auto()
    LEFT = auto()  # ctrl-C twice: the turn goes on without us
    UNSENT = auto()  # ctrl-C while the message could not be delivered


def chat(options: Options, out: Console, err: Console) -> int:
    """Talk until the user leaves; return the exit code.

    Raises:
        InvalidInputError: no server, no such session or agent; the words say which.
    """
    if options.session is not None:
        if options.agent is not None:
            message = "A session has its agent already: give --session or --agent, not both."
            raise InvalidInputError(message)
        parse_id("session", options.session)
    screen = Screen(out, err)
    client = Client(options.url, lambda: screen.note("reconnecting ..."))
    with asyncio.Runner() as runner:
        try:
            return Conversation(client, screen, keyboard(), runner).run(options)
        except BrokenPipeError:  # of `perdure chat | head`; the turn goes on without us
            return FAILED
        finally:
            runner.run(client.close())


class Conversation:
    """One user and one session."""

    def __init__(self, client: Client, screen: Screen, keys: Keyboard, runner: asyncio.Runner) -> None:
        self._client = client
        self._screen = screen
        self._keys = keys
        self._runner = runner
        self._session_id = ""
        self._progress = Progress()
        self._is_delivered = True
        self._is_interrupted = False

    def run(self, options: Options) -> int:
        """Open the session and talk. Raises InvalidInputError."""
        self._open(options)
        try:
            with contextlib.suppress(EOFError):
                self._talk(is_new=options.session is None)
        except KeyboardInterrupt:
            self._is_interrupted = True
        if self._keys.is_terminal:
            self._screen.gap()
        self._screen.note(f"Come back: {self._how_to_return(options)}")
        if self._keys.is_terminal:
            return 0
        return INTERRUPTED if self._is_interrupted else FAILED if self._progress.has_failed else 0

    def _talk(self, *, is_new: bool) -> None:
        if not is_new:
            self._settle(self._resume())
            self._progress.has_failed = False
        while not (self._is_interrupted and not self._keys.is_terminal):
            text = read_message(self._keys)
            try:
                self._settle(self._say(text))
            except CallerError as err:
                self._progress.expected = None
                self._progress.has_failed = True
                self._screen.note(str(err), BAD)

    def _settle(self, work: Coroutine[Any, Any, None]) -> None:
        """Do some work, then whatever it takes until it is the user's turn to speak."""
        self._watch(work)
        while self._progress.pending:
            try:
                results = [self._result_of(call) for call in list(self._progress.pending.values())]
            except KeyboardInterrupt:
                self._screen.gap()
                self._watch(self._give_up())
            else:
                self._watch(self._answer(results))

    def _watch(self, work: Coroutine[Any, Any, None]) -> None:
        end = self._runner.run(self._until_interrupted(work))
        if end is _End.LEFT:
            raise KeyboardInterrupt
        if end is _End.UNSENT:
            self._screen.note("The server did not answer, so it is not sure that your message arrived.")
        if self._keys.is_terminal:
            self._screen.gap()

    # ------------------------------------------------------------ the session

    def _open(self, options: Options) -> None:
        if options.session is None:
            session = self._runner.run(self._client.open_session(options.agent))
        else:
            session = self._runner.run(self._client.session(options.session))
        self._session_id = session.id
        self._screen.note(f"New session {session.id}" if options.session is None else f"Session {session.id}")
        if self._keys.is_terminal:
            self._screen.note("Ctrl-C stops the agent, or leaves at the prompt. A \\ at the end continues the line.\n")

    def _how_to_return(self, options: Options) -> str:
        at = "" if options.url == DEFAULT_URL else f" --url {options.url}"
        return f"{program()} chat --session {self._session_id}{at}"

    async def _resume(self) -> None:
        """Show the last messages before the newest turn, then that turn as its events tell it."""
        client, session_id = self._client, self._session_id
        newest = await client.newest(session_id)
        turn = await client.newest(session_id, "turn.started")
        messages = await client.messages(session_id)
        start = _start_of_turn(messages, turn)
        earlier = [message for message in messages if message.sequence < start]
        if len(earlier) > RECENT:
            self._screen.note(f"(earlier messages: {len(earlier) - RECENT})")
        self._screen.history([message for message in earlier[-RECENT:] if not is_note(message)])
        if isinstance(self._keys, Terminal):
            said = (message.text for message in messages if message.role is Role.USER and not is_note(message))
            self._keys.remember(said)
        self._progress = Progress(max(0, start - 1))
        if newest > self._progress.sequence:
            await self._follow(newest)

    # ------------------------------------------------------------ the agent's turn

    async def _say(self, text: str) -> None:
        self._is_delivered = False
        message_id = await self._client.send(self._session_id, text)
        self._is_delivered = True
        self._screen.typed(message_id)
        self._progress.expected = message_id
        await self._follow()

    async def _answer(self, results: Sequence[dict[str, Any]]) -> None:
        if not await self._client.submit(self._session_id, results):
            self._screen.note("These results are not waited for any more.")
        self._progress.pending.clear()
        await self._follow()

    async def _give_up(self) -> None:
        await self._cancel()
        self._progress.pending.clear()
        await self._follow()

    async def _follow(self, until: int = 0) -> None:
        """Show what happens until it is the user's turn, and at least up to a sequence."""
        progress = self._progress
        async with aclosing(self._client.follow(self._session_id, progress.sequence)) as events:
            async for event in events:
                progress.apply(event)
                self._screen.event(event)
                if progress.sequence >= until and progress.is_settled:
                    return

    async def _cancel(self) -> None:
        """Stop the turn; one that has been accepted and not yet begun takes more than one try."""
        while not await self._client.cancel(self._session_id):
            if self._progress.is_settled:
                return
            await asyncio.sleep(CANCEL_RETRY_S)

    async def _until_interrupted(self, work: Coroutine[Any, Any, None]) -> _End:
        """Do some work; ctrl-C stops the turn, and once more leaves it alone."""
        loop = asyncio.get_running_loop()
        working = asyncio.ensure_future(work)
        cancelling: list[asyncio.Task[None]] = []

        def interrupt() -> None:
            self._is_interrupted = True
            if self._is_delivered and not cancelling:
                cancelling.append(loop.create_task(self._cancel()))
            else:
                working.cancel()

        loop.add_signal_handler(signal.SIGINT, interrupt)
        end = _End.SETTLED
        try:
            await working
        except asyncio.CancelledError:
            end = _End.LEFT if self._is_delivered else _End.UNSENT
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            # A cancel that is still on its way must not arrive in the next turn.
            await _finish(cancelling, CANCEL_GRACE_S if end is _End.SETTLED else 0.0)
        return end

    def _result_of(self, call: ToolCallPart) -> dict[str, Any]:
        """Ask the user what a tool of the client's answered. Raises EOFError and KeyboardInterrupt."""
        waiting = f"{words.call(call.name, call.arguments)} waits for your result"
        self._screen.note(f"{waiting}: JSON or text, or !text for an error.")
        try:
            answer = self._keys.line(f"{words.brief(call.name)}: ")
        except EOFError:
            if not self._keys.is_terminal:
                self._progress.has_failed = True
                self._screen.note(f"Nobody answers {words.brief(call.name)}: the input is over.", BAD)
            raise
        if answer.startswith("!"):
            return {"tool_call_id": call.id, "error": answer[1:].strip() or "failed"}
        return {"tool_call_id": call.id, "result": _json_or_text(answer)}


async def _finish(tasks: Sequence["asyncio.Task[None]"], grace_s: float) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=grace_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _json_or_text(answer: str) -> Any:
    try:
        return msgspec.json.decode(answer)
    except msgspec.DecodeError:
        return answer


def _start_of_turn(messages: Sequence[Listed], turn_sequence: int) -> int:
    """Return the sequence of the message that started a turn: the last user message before it; 1 if there is none."""
    inputs = (m.sequence for m in messages if m.role is Role.USER and m.sequence < turn_sequence and not is_note(m))
    return max(inputs, default=1)
