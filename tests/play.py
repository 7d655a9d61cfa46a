"""A session played by Hypothesis: the real host and engine, a model and tools that wait for their cue, and every
kind of death in between. The store below is memory in `property/` and Postgres in `integration/`.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from runtime.agents.tool import OnInterrupt, Tool, ToolContext
from runtime.core.errors import ModelRejectedError, ModelUnavailableError, ToolError
from runtime.core.message import ToolCallPart, Usage
from runtime.core.session.snapshot import revive, snapshot
from runtime.core.session.state import SessionState
from runtime.engine.engine import Engine
from runtime.ports.gateway import ClientResult
from runtime.ports.journal import JournalStore
from runtime.ports.model import ModelReply, ModelRequest, ReasoningDelta, StreamItem, TextDelta
from runtime.process.mint import new_id
from runtime.wire.protocol import Cancel, Rename, Send, Submit, Watch
from tests.fakes import BrokenLine
from tests.laws import Stored, check_log, check_replay, check_stream, check_transcript, events_of
from tests.stage import FAST, PATIENCE_S, CutJournal, FixedAgents, Process, given, services_for

CLIENT_TOOL: Final = "ask_human"
TOOLS: Final = ("pay", "look", CLIENT_TOOL, "no_such_tool")
FAILURES: Final = (
    ModelRejectedError("no credit", "provider_quota_exhausted"),
    ModelUnavailableError(0.0, "busy", "provider_rate_limited"),
    RuntimeError("a bug"),
    None,  # it breaks off
)
TUNABLES: Final = replace(FAST, snapshot_every_events=6)
CALM: Final = 3  # looks in a row at which nothing moved

Begun = Callable[[int, ModelRequest], None]
Run = Callable[[Coroutine[Any, Any, Any]], Any]


class Ground(Protocol):
    """What a play stands on."""

    @property
    def store(self) -> JournalStore:
        """Where the journal is kept."""
        ...

    async def open(self) -> str:
        """Return a new session."""
        ...

    async def place(self, session_id: str, *, is_quarantined: bool = False) -> int:
        """Raise a session's epoch and return it."""
        ...

    async def log(self, session_id: str) -> list[Stored]:
        """Return what is stored of a session."""
        ...


class HeldModel:
    """A model that says what it is told to, when it is told to."""

    def __init__(self, begun: Begun, epoch: int) -> None:
        self._begun = begun
        self._epoch = epoch
        self.line: asyncio.Queue[StreamItem | Exception | None] | None = None  # of the call that is open

    @property
    def is_waiting(self) -> bool:
        return self.line is not None and self.line.empty()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[StreamItem, None]:
        self._begun(self._epoch, request)
        line = self.line = asyncio.Queue()
        said = ""
        try:
            while (item := await line.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                said += item.text if isinstance(item, TextDelta) else ""
                yield msgspec.structs.replace(item, text=said + item.text) if isinstance(item, ModelReply) else item
        finally:
            if self.line is line:
                self.line = None


class HeldTools:
    """Tools that end when they are told to. `effects` are shared by every process that the session lived in."""

    def __init__(self, effects: list[tuple[str, str]]) -> None:
        self._effects = effects
        self.running: dict[str, asyncio.Future[str]] = {}

    @property
    def is_waiting(self) -> bool:
        return bool(self.running) and not any(future.done() for future in self.running.values())

    def all(self) -> dict[str, Tool]:
        return {
            "pay": Tool("pay", "Pays.", {}, self._tool("pay"), OnInterrupt.ONCE, concurrency_class="money"),
            "look": Tool("look", "Looks.", {}, self._tool("look"), OnInterrupt.RETRY),
        }

    def _tool(self, name: str) -> Callable[..., Awaitable[str]]:
        async def run(context: ToolContext) -> str:
            self._effects.append((name, context.tool_call_id))
            future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            self.running[context.tool_call_id] = future
            try:
                return await future
            finally:
                del self.running[context.tool_call_id]

        return run


class Stand:
    """A process that the session was placed in, under one epoch."""

    def __init__(self, store: JournalStore, epoch: int, tools: HeldTools, begun: Begun) -> None:
        self.epoch = epoch
        self.tools = tools
        self.model = HeldModel(begun, epoch)
        self.journal = CutJournal(store)
        agents = FixedAgents(tools.all(), [CLIENT_TOOL])
        services = services_for(store, agents, self.model, journal=self.journal, tunables=TUNABLES)
        self.process = Process(services)

    def engine(self, session_id: str) -> Engine | None:
        return self.process.host.residents.get(session_id)

    async def calm(self, session_id: str) -> None:
        """Wait until all that can happen without another cue has happened, or the process is dead to the world."""
        looks = 0
        async with asyncio.timeout(PATIENCE_S):
            while looks < CALM and not self.journal.cut.is_set():
                await asyncio.sleep(0)
                looks = looks + 1 if self._is_calm(session_id) else 0

    def _is_calm(self, session_id: str) -> bool:
        if set(self.process.tasks.running) > {"journal"}:
            return False
        engine = self.engine(session_id)
        if engine is None:
            return True
        waits = engine._runner is None or self.model.is_waiting or self.tools.is_waiting
        return waits and engine.session.is_settled


class SessionMachine(RuleBasedStateMachine):
    """The laws of one session, whatever is said to it and whatever dies (ARCHITECTURE.md, promises 1 to 4)."""

    def __init__(self, ground: Ground, run: Run) -> None:
        super().__init__()
        self._run = run
        self._ground = ground
        self._store = BrokenLine(ground.store)
        self._session_id: str = run(ground.open())
        self._effects: list[tuple[str, str]] = []
        self._log: list[Stored] = []
        self._lived: dict[int, bytes] = {}  # the live state, as a snapshot, at the sequences where it was looked at
        self._broken: list[AssertionError] = []
        self._notes: list[str] = []  # of the cancels that were asked for
        self._numbers = 0
        self._past: list[Stand] = []
        self._stand: Stand = run(self._arise(is_quarantined=False))
        self._look()

    # ------------------------------------------------------------ what clients do

    @rule(key=st.sampled_from([None, None, "a", "b"]))
    def somebody_speaks(self, key: str | None) -> None:
        text = f"say {key}" if key else f"say {self._number()}"
        answer = self._ask(Send(given(text, key)))
        if answer is not None:
            said = [e.data.message.id for e in events_of(self._log) if e.type == "input.message"]
            assert said.count(answer.id) == 1, "what was accepted is in the journal, once"

    @rule()
    def somebody_cancels(self) -> None:
        was_active = self._state().status not in ("idle", "started")
        self._notes.append(new_id("message"))
        answer = self._ask(Cancel(self._notes[-1]))
        if answer is not None:
            assert answer == was_active
            assert self._state().status in ("idle", "started")

    @precondition(lambda self: self._notes)
    @rule(data=st.data())
    def a_cancel_is_repeated(self, data: st.DataObject) -> None:
        note_id, cancelled = data.draw(st.sampled_from(self._notes)), self._cancelled()
        answer = self._ask(Cancel(note_id, is_repeated=True))
        if note_id in cancelled:
            assert (answer is False, self._cancelled()) == (False, cancelled), "what was done is not done again"

    def _cancelled(self) -> list[str]:
        return [t.message.id for t in self._state().messages if t.message.metadata == {"source": "cancel"}]

    @rule(title=st.sampled_from(["a", "b", ""]))
    def somebody_renames(self, title: str) -> None:
        is_another = self._state().title != title
        assert self._ask(Rename(title)) in (None, is_another)

    @precondition(lambda self: self._state().is_waiting)
    @rule(error=st.sampled_from([None, None, "no human here"]))
    def the_client_answers(self, error: str | None) -> None:
        self._answer_for_client(error)

    def _answer_for_client(self, error: str | None) -> None:
        turn = self._state().turn
        assert turn is not None
        self._ask(Submit(tuple(ClientResult(c.call.id, {"is": "so"}, error) for c in turn.pending())))

    # ------------------------------------------------------------ what the model and the tools do

    @precondition(lambda self: self._stand.model.line is not None)
    @rule(item=st.sampled_from([TextDelta("more "), ReasoningDelta("hm")]))
    def the_model_streams(self, item: StreamItem) -> None:
        self._cue(self._stand, item)

    @precondition(lambda self: self._stand.model.line is not None)
    @rule(names=st.lists(st.sampled_from(TOOLS), max_size=3), text=st.sampled_from(["", "So."]))
    def the_model_answers(self, names: Sequence[str], text: str) -> None:
        calls = tuple(ToolCallPart(f"c{self._number()}", name, {}) for name in names)
        private = msgspec.Raw(b'{"signature":"s"}') if calls else None
        self._cue(self._stand, ModelReply(text=text, tool_calls=calls, usage=Usage(3, 2, 1), private=private))

    @precondition(lambda self: self._stand.model.line is not None)
    @rule(error=st.sampled_from(FAILURES))
    def the_model_fails(self, error: Exception | None) -> None:
        self._cue(self._stand, error)

    @precondition(lambda self: self._stand.tools.running)
    @rule(data=st.data(), outcome=st.sampled_from(["done", "done", ToolError("no"), RuntimeError("a bug")]))
    def a_tool_ends(self, data: st.DataObject, outcome: str | Exception) -> None:
        running = self._stand.tools.running
        self._end(running[data.draw(st.sampled_from(sorted(running)))], outcome)
        self._look()

    def _cue(self, stand: Stand, item: StreamItem | Exception | None) -> None:
        assert stand.model.line is not None
        stand.model.line.put_nowait(item)
        self._look()

    def _end(self, tool: "asyncio.Future[str]", outcome: str | Exception) -> None:
        if isinstance(outcome, Exception):
            tool.set_exception(outcome)
        else:
            tool.set_result(outcome)

    # ------------------------------------------------------------ what goes wrong

    @rule(is_quarantined=st.sampled_from([False, False, False, True]))
    def the_process_dies(self, *, is_quarantined: bool) -> None:
        self._run(self._die(is_quarantined=is_quarantined))
        self._look()

    @rule(events=st.integers(0, 6))
    def the_process_will_die_in_mid_course(self, events: int) -> None:
        self._stand.journal.limit = len(self._log) + events

    @rule(kind=st.sampled_from(["before", "after"]))
    def the_line_to_the_database_breaks(self, kind: str) -> None:
        self._store.outages.append(kind)

    @rule()
    def the_session_rests(self) -> None:
        self._run(self._stand.process.host.passivate(0.0))
        self._look()

    @rule()
    def the_session_moves_on_and_its_old_process_does_not_know(self) -> None:
        self._run(self._move())
        self._look()

    @precondition(lambda self: self._past)
    @rule(data=st.data())
    def an_old_process_goes_on(self, data: st.DataObject) -> None:
        """It streams, answers, ends its tools and hears a message: nothing of that is ever seen."""
        old = data.draw(st.sampled_from(range(len(self._past))).map(self._past.__getitem__))
        for tool in old.tools.running.values():
            self._end(tool, "late")
        if old.model.line is not None:
            old.model.line.put_nowait(ModelReply(text="late", tool_calls=(ToolCallPart("late", "pay", {}),)))
        sent = self._run(self._start(old, Send(given("late"))))
        self._run(old.calm(self._session_id))
        assert sent.exception() is not None, "who has lost the session accepts nothing"
        assert self._run(self._ground.log(self._session_id)) == self._log
        assert "late" not in [call_id for _, call_id in self._effects]

    # ------------------------------------------------------------ laws

    def _begun(self, epoch: int, request: ModelRequest) -> None:
        try:
            check_transcript(request.history)
            if epoch == self._stand.epoch:
                answered = [e.context.input_message_id for e in events_of(self._log) if e.type == "reason.completed"]
                is_new = answered.count(request.input_message_id) <= request.call_index
                assert is_new, "a finished model call is not paid for twice"
        except AssertionError as err:  # raised here, it would be the model's bug to the engine
            self._broken.append(err)

    def _look(self) -> None:
        """Let everything happen that can, revive what died of it, and check what is left."""
        self._run(self._calm())
        if self._broken:
            raise self._broken[0]
        log = self._run(self._ground.log(self._session_id))
        assert log[: len(self._log)] == self._log, "what is stored stays"
        self._log = log
        epochs = [stored.epoch for stored in log]
        assert epochs == sorted(epochs), "no owner of the past writes after a newer one"
        assert [e.sequence for e in events_of(log)] == list(range(1, len(log) + 1))
        seen = [frame.sequence for frame in self._stand.process.frames if frame.sequence]
        assert seen == list(range(len(log) - len(seen) + 1, len(log) + 1)), "everything committed is seen, once"
        check_stream(self._stand.process.frames)
        state = self._state()
        assert state.last_sequence == len(log)
        self._lived[len(log)] = snapshot(state)
        self._check_effects()

    def _check_effects(self) -> None:
        ids = [call_id for _, call_id in self._effects]
        started = {e.data.tool_call.id for e in events_of(self._log) if e.type == "tool.started"}
        assert set(ids) <= started, "the intent is stored before the effect"
        paid = [call_id for name, call_id in self._effects if name == "pay"]
        assert len(paid) == len(set(paid)), "what must not be repeated is not"

    def teardown(self) -> None:
        """Let the turn end, and check all of the log."""
        try:
            self._stand.journal.limit = None
            self._look()
            while self._state().status == "active" or self._state().is_waiting:
                self._bring_on()
            check_log(events_of(self._log))
            check_replay(self._session_id, self._log, self._lived)
        finally:
            for stand in (*self._past, self._stand):
                self._run(stand.process.kill())

    def _bring_on(self) -> None:
        if self._state().is_waiting:
            self._answer_for_client(None)
        elif self._stand.tools.running:
            self._end(next(iter(self._stand.tools.running.values())), "done")
            self._look()
        else:
            self._cue(self._stand, ModelReply(text="Done."))

    # ------------------------------------------------------------ the stage

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _state(self) -> SessionState:
        """The live state, or what it would be if somebody woke the session."""
        engine = self._stand.engine(self._session_id)
        if engine is not None:
            return engine.session.state
        return revive(self._session_id, None, [(stored.body, stored.private) for stored in self._log])

    def _ask(self, ask: Send | Cancel | Submit | Rename) -> Any:
        """Return what the session answered; None if its process died before it could."""
        answer = self._run(self._start(self._stand, ask))
        self._look()
        return answer.result() if answer.done() else None

    async def _start(self, stand: Stand, ask: Send | Cancel | Submit | Rename) -> "asyncio.Future[Any]":
        await asyncio.sleep(0)
        return stand.process.start(self._session_id, stand.epoch, ask)

    async def _arise(self, *, is_quarantined: bool) -> Stand:
        epoch = await self._ground.place(self._session_id, is_quarantined=is_quarantined)
        stand = Stand(self._store, epoch, HeldTools(self._effects), self._begun)
        stand.process.start(self._session_id, epoch, Watch())
        stand.process.adopt(self._session_id, epoch)
        return stand

    async def _die(self, *, is_quarantined: bool) -> None:
        await self._stand.process.kill()
        self._stand = await self._arise(is_quarantined=is_quarantined)

    async def _move(self) -> None:
        self._stand.journal.limit = None
        self._past.append(self._stand)
        self._stand = await self._arise(is_quarantined=False)

    async def _calm(self) -> None:
        while not self._broken:
            await self._stand.calm(self._session_id)
            process = self._stand.process
            if self._stand.journal.cut.is_set():
                await self._die(is_quarantined=False)
            elif process.departures:
                await self._move()
            else:
                return
