"""A stage for sessions: a model that plays what a test wrote, and hosts that can be killed.

The engine, the journal and the host are the real ones. What is below them is Postgres in `integration/`
and memory in `property/`.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from runtime.agents.composition import RuntimeAgent
from runtime.agents.live import Binding, Composer
from runtime.agents.tool import Tool
from runtime.core import event as ev
from runtime.core.access.principal import ANONYMOUS, Principal
from runtime.core.authored.definition import ClientTool
from runtime.core.authored.network import Reach
from runtime.core.errors import NotFoundError
from runtime.core.failure import Disclosure
from runtime.core.message import Message, Role, TextPart, ToolCallPart, Usage
from runtime.engine.services import Services, Tunables
from runtime.host.host import Host
from runtime.host.journal import Journal
from runtime.ports.gateway import Frame, Input
from runtime.ports.journal import Batch, Done, JournalStore, Loaded
from runtime.ports.model import Model, ModelRef, ModelReply, ModelRequest, StreamItem, TextDelta
from runtime.process.mint import new_id, timestamp
from runtime.process.tasks import Tasks
from runtime.wire.protocol import Adoption, Answer, Ask, Command, Departure, Send, Watch

MODEL: Final = ModelRef("model_" + "3" * 32, "llmsim", "scripted", "provider_" + "4" * 32, is_default=True)
DOOR: Final = "door"
PATIENCE_S: Final = 60.0

# Deltas at once, no waiting between attempts: what a test wants to wait for, it says with a Gate.
FAST: Final = Tunables(delta_interval_s=0.001, retry_first_s=0.0, retry_most_s=0.0, model_attempts=3)


class Gate:
    """A place where a model or a tool stops until the test lets it go on."""

    def __init__(self) -> None:
        self._reached = asyncio.Event()
        self._opened = asyncio.Event()

    async def pass_through(self) -> None:
        self._reached.set()
        await self._opened.wait()

    async def reached(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self._reached.wait()

    def open(self) -> None:
        self._opened.set()


Step = StreamItem | Gate | Exception


def say(text: str, *calls: ToolCallPart) -> tuple[Step, ...]:
    """Stream a text word by word, then ask for the calls."""
    words = [word + " " for word in text.split(" ")]
    deltas = [TextDelta(word) for word in [*words[:-1], words[-1].strip()] if word]
    return (*deltas, ModelReply(text=text, tool_calls=calls, usage=Usage(3, 2), finish_reason="stop"))


def call(call_id: str, tool_name: str, **arguments: Any) -> ToolCallPart:
    return ToolCallPart(call_id, tool_name, arguments)


class ScriptedModel:
    """Plays, for the n-th call of a turn, the n-th script; after the last one it says "done"."""

    def __init__(self, *scripts: Sequence[Step]) -> None:
        self.scripts = scripts
        self.requests: list[ModelRequest] = []

    async def stream(self, request: ModelRequest) -> AsyncGenerator[StreamItem, None]:
        self.requests.append(request)
        index = request.call_index
        for step in self.scripts[index] if index < len(self.scripts) else say("done"):
            if isinstance(step, Gate):
                await step.pass_through()
            elif isinstance(step, Exception):
                raise step
            elif isinstance(step, ModelReply):
                yield _with_fresh_ids(step, request)
            else:
                yield step


def _with_fresh_ids(reply: ModelReply, request: ModelRequest) -> ModelReply:
    """Rename calls whose id the conversation has seen, as every real model does."""
    taken = {part.id for turned in request.history for part in turned.message.tool_calls}
    count = len(taken)
    calls = (msgspec.structs.replace(c, id=f"{c.id}.{count}") if c.id in taken else c for c in reply.tool_calls)
    return msgspec.structs.replace(reply, tool_calls=tuple(calls))


class OneModel:
    """Knows one model under every name but "missing". `chains` are organisations' own, by their ids."""

    def __init__(self) -> None:
        self.chains: dict[str, Sequence[str]] = {}

    def find(self, _org_id: str, key: str | None) -> ModelRef:
        if key == "missing":
            raise NotFoundError("model", key)
        name = key.removeprefix(f"{MODEL.provider}:") if key else MODEL.name
        return MODEL if name == MODEL.name else msgspec.structs.replace(MODEL, name=name, id=f"model_{name}")

    async def settled(self, key: str) -> str:
        return self.find("", key).key

    def fallbacks(self, org_id: str) -> Sequence[str]:
        return self.chains.get(org_id, ())

    async def opened(self, _org_id: str, _session_id: str, ref: ModelRef) -> ModelRef:
        return ref


class FixedAgents:
    """Composes every session's agent of the same tools."""

    def __init__(self, tools: Mapping[str, Tool], client_tools: Sequence[str], max_iterations: int = 500) -> None:
        self.agent = RuntimeAgent(
            harness_id="harness_" + "1" * 32,
            agent_id=None,
            agent_name=None,
            agent_description=None,
            system_prompt="Be brief.",
            tools=tools,
            client_tools={name: ClientTool(name, "A client's tool.", {}) for name in client_tools},
            specs=tuple(t.spec for t in tools.values()),
            model_id=None,
            fallback_models=(),
            response_format=None,
            max_iterations=max_iterations,
            parallel_tool_calls=None,
            capabilities=(),
            features=(),
            network_access=Reach(),
            mcp_servers={},
            hints={},
            locale=None,
            error_disclosure=Disclosure.STANDARD,
        )

    async def load(self, binding: Binding) -> RuntimeAgent:
        await asyncio.sleep(0)
        return self.agent


def nothing(_org_id: str, _key: str) -> Any:
    """Stand for a workspace, pictures or a key-value store that nobody in the test uses."""
    return None


def no_connections(_org_id: str, _session_id: str, _user_id: str) -> Any:
    """Stand for accounts elsewhere, which no tool of the test uses."""
    return None


def no_way_out(_reach: Reach) -> Any:
    """Stand for the Internet, which no tool of the test asks."""
    return None


class CutJournal(Journal):
    """A writer whose process dies once `limit` events are in: what comes after is never heard of again."""

    def __init__(self, store: JournalStore, limit: int | None = None) -> None:
        super().__init__(store)
        self.limit = limit
        self.cut = asyncio.Event()

    def append(self, batch: Batch, done: Done) -> None:
        if self.cut.is_set() or (self.limit is not None and batch.last_sequence > self.limit):
            self.cut.set()
        else:
            super().append(batch, done)


class SlowLoad:
    """A store whose first load stops between reading the row and answering."""

    def __init__(self, store: JournalStore) -> None:
        self._store = store
        self._is_first = True
        self.gate = Gate()

    async def load(self, session_id: str, version: str) -> Loaded | None:
        is_first, self._is_first = self._is_first, False
        loaded = await self._store.load(session_id, version)
        if is_first:
            await self.gate.pass_through()
        return loaded

    async def append(self, batches: Sequence[Batch]) -> set[str]:
        return await self._store.append(batches)

    async def last_events(self, session_ids: Sequence[str]) -> dict[str, str]:
        return await self._store.last_events(session_ids)

    async def save_snapshot(self, session_id: str, sequence: int, version: str, state: bytes) -> None:
        await self._store.save_snapshot(session_id, sequence, version, state)


class Process:
    """One host as an actor holds it, and a front door that reads all that it says."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.departures: list[Departure] = []
        self.has_ended = asyncio.Event()
        self.tasks = Tasks(self.has_ended.set)
        self.host = Host(services, self, self.tasks)
        self.frames: list[Frame] = []
        self._box = self.host.doors.attach(DOOR)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._news = asyncio.Condition()
        assert isinstance(services.journal, Journal)
        services.journal.start(self.tasks)
        self._reader = asyncio.create_task(self._read())

    async def leave(self, departures: Sequence[Departure]) -> None:
        self.departures += departures
        async with self._news:
            self._news.notify_all()

    @property
    def failures(self) -> list[Departure]:
        """What it let go for another reason than rest."""
        return [departure for departure in self.departures if departure.has_failed]

    async def _read(self) -> None:
        while items := await self._box.take():
            for item in items:
                if isinstance(item, Answer):
                    self._hear(item)
                else:
                    self.frames += item.frames
            async with self._news:
                self._news.notify_all()

    def _hear(self, answer: Answer) -> None:
        waiting = self._answers[answer.number]
        if waiting.cancelled():
            return
        if answer.error is not None:
            waiting.set_exception(answer.error)
            waiting.exception()  # a test need not wait for it
        else:
            waiting.set_result(answer.value)

    def start(self, session_id: str, epoch: int, ask: Ask, by: Principal = ANONYMOUS) -> "asyncio.Future[Any]":
        """Give a command; the future is its answer."""
        number = len(self._answers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        self.host.execute(DOOR, [Command(number, session_id, epoch, ask, by)])
        return self._answers[number]

    async def ask(self, session_id: str, epoch: int, ask: Ask) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            return await self.start(session_id, epoch, ask)

    def adopt(self, session_id: str, epoch: int) -> None:
        self.host.adopt([Adoption(session_id, epoch)])

    async def until(self, met: Callable[[], bool]) -> None:
        """Wait until something that the host said makes it true."""
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(met)

    async def until_or(self, event: asyncio.Event, met: Callable[[], bool]) -> None:
        """Wait until something that the host said makes it true, or the event happens."""
        waits = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(self.until(met))]
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task in done:
            await task

    async def seen(self, event_type: str, count: int = 1) -> None:
        """Wait until so many frames of a type have come."""
        await self.until(lambda: self.types().count(event_type) >= count)

    def types(self) -> list[str]:
        return [frame.type for frame in self.frames]

    async def kill(self) -> None:
        """End it as kill -9 does: nothing is said, nothing more is written."""
        self.host.doors.detach(DOOR, self._box)
        for engine in self.host.residents.engines():
            engine.session.is_lost = True
            engine.stop()
        await self.tasks.close()
        doomed = [self._reader]
        for task in doomed:
            task.cancel()
        await asyncio.gather(*doomed, return_exceptions=True)

    async def close(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.host.close()
            await self.tasks.close()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader


def message(text: str) -> Message:
    return Message(id=new_id("message"), role=Role.USER, content=(TextPart(text),), created_at=timestamp())


def given(text: str, key: str | None = None) -> Input:
    return Input(message=message(text), idempotency_key=key)


class Conversation:
    """One session in one process, from its client's side."""

    def __init__(self, process: Process, session_id: str, epoch: int) -> None:
        self.process = process
        self.session_id = session_id
        self.epoch = epoch

    async def ask(self, ask: Ask) -> Any:
        return await self.process.ask(self.session_id, self.epoch, ask)

    async def watch(self) -> Any:
        return await self.ask(Watch())

    async def send(self, text: str, key: str | None = None) -> Message:
        sent: Message = await self.ask(Send(given(text, key)))
        return sent

    async def turns_ended(self, count: int = 1) -> None:
        await self.process.seen("session.idled", count)


def decoded(bodies: Sequence[bytes]) -> list[ev.Event]:
    """Return a stored log as events."""
    events = [ev.decode(body) for body in bodies]
    return [event for event in events if event is not None]


def services_for(
    store: JournalStore,
    composer: Composer,
    model: Model,
    *,
    journal: Journal | None = None,
    tunables: Tunables = FAST,
) -> Services:
    """Return services that stand on a store alone."""
    return Services(
        journal=journal or Journal(store),
        store=store,
        composer=composer,
        models=OneModel(),
        model=model,
        workspace=nothing,
        images=nothing,
        keys=nothing,
        secrets=nothing,
        connections=no_connections,
        outbound=no_way_out,
        tunables=tunables,
    )
