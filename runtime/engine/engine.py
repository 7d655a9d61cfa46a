"""Runs the turns of one session: asks the core what is next, does it, and asks again.

There is no other path for a revived session: it is kicked, and the core reads from the folded journal
where the turn stood.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from datetime import datetime, timedelta
from typing import Any, Final, assert_never

import structlog

from runtime.agents.composition import RuntimeAgent
from runtime.core import event as ev
from runtime.core.errors import CallerError, StaleEpochError, StoreUnavailableError
from runtime.core.failure import CONFIGURATION
from runtime.core.session import draft as write
from runtime.core.session.decision import expire_decisions
from runtime.core.session.phase import Phase
from runtime.core.session.turn import (
    AskClient,
    AwaitClient,
    AwaitDecision,
    CallModel,
    Directive,
    Finish,
    Rest,
    RunTools,
    StartTurn,
    decide,
)
from runtime.engine.act import Acting
from runtime.engine.reason import ReasonStep
from runtime.engine.session import LiveSession
from runtime.engine.showing import forget_deltas
from runtime.ports.model import ModelRef
from runtime.process.behalf import ON_BEHALF_OF
from runtime.process.failpoint import FailPoint, reach
from runtime.process.metrics import here
from runtime.process.mint import now, timestamp

log = structlog.get_logger(__name__)

LOAD_RETRY_S: Final = 0.5

Crashed = Callable[[LiveSession, BaseException], None]


class Engine:
    """The loop of one session. At most one runner is alive; it ends when there is nothing to do but wait."""

    def __init__(self, session: LiveSession, crashed: Crashed) -> None:
        self.session = session
        self._crashed = crashed
        self._runner: asyncio.Task[None] | None = None
        self._reasoning: ReasonStep | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._opened: dict[str, ModelRef] = {}

    @property
    def is_resting(self) -> bool:
        """Whether nothing runs and nothing is owed."""
        return self._runner is None and isinstance(decide(self.session.state, (), 0), Rest)

    @property
    def partial(self) -> tuple[ev.Payload, ev.Context] | None:
        """A delta with all of the message that is being streamed."""
        return self._reasoning.partial() if self._reasoning else None

    def kick(self) -> None:
        """Go on, if there is anything to go on with."""
        if self._runner is None and not self.session.is_lost:
            self._start(self._run())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        context = copy_context()
        context.run(ON_BEHALF_OF.set, self.session.org_id)
        self._runner = asyncio.create_task(work, name=f"turn {self.session.session_id}", context=context)
        self._runner.add_done_callback(self._ended)
        here.running += 1

    def cancel(self, note_id: str = "") -> "asyncio.Future[None] | None":
        """Stop the turn wherever it stands; returns the commit of its end, or None if there was none."""
        state = self.session.state
        if state.turn is None:
            if not state.waiting_inputs:
                return None
            self._open_turn(state.waiting_inputs[0], None)
        seen = ""
        if self._reasoning is not None:
            seen = self._reasoning.seen
            self._reasoning.end_thinking()
        self.stop()
        return self.session.cancel(seen, note_id)

    def fail(self, code: str, detail: str = "") -> None:
        """End an unfinished turn as failed, whatever it was doing, and one for what was said to it and never heard."""
        self.stop()
        state = self.session.state
        while state.turn is not None or state.waiting_inputs:
            if state.turn is None:
                self._open_turn(state.waiting_inputs[0], None)
            turn = self.session.turn
            self.session.append(*write.fail_turn(state, turn, code, detail, timestamp(), self.session.new_id))

    def stop(self) -> None:
        """Stop whatever runs, without a word to the journal."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if self._reasoning is not None:
            self._reasoning.close()
            self._reasoning = None
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.cancel()

    def _ended(self, runner: "asyncio.Task[None]") -> None:
        here.running -= 1
        if runner is not self._runner:
            return  # stopped, and perhaps another one is running already
        self._runner = None
        error = asyncio.CancelledError("by its own doing") if runner.cancelled() else runner.exception()
        if error is None:
            if not isinstance(decide(self.session.state, (), 0), Rest | AwaitClient | AwaitDecision):
                self.kick()  # somebody said something between the last look and the end
        elif not isinstance(error, StaleEpochError):
            self._crashed(self.session, error)

    # ------------------------------------------------------------ the loop

    async def _run(self) -> None:
        try:
            await self._go_on()
        except CallerError as err:
            self.fail(CONFIGURATION, str(err))

    async def _go_on(self) -> None:
        session = self.session
        awaited = decide(session.state, (), 0)
        if isinstance(awaited, AwaitClient | AwaitDecision):  # whatever becomes of the agent meanwhile
            self._wait(awaited)
            return
        if session.state.phase is Phase.REASONING:
            forget_deltas(session)  # at once: its commit and the definitions are under way together
        agent = await self._load()
        while not session.is_lost:
            await session.services.journal.room()
            directive = decide(session.state, agent.client_tools, agent.max_iterations)
            if isinstance(directive, CallModel) and session.state.turn and session.state.turn.iterations:
                agent = await self._load()
            if not await self._do(directive, agent):
                return

    async def _do(self, directive: Directive, agent: RuntimeAgent) -> bool:
        """Carry out one directive; False when there is nothing to do but wait."""
        session = self.session
        match directive:
            case Rest():
                return False
            case AwaitClient() | AwaitDecision():
                self._wait(directive)
                return False
            case StartTurn(input_message_id):
                self._opened.clear()
                self._open_turn(input_message_id, agent)
                reach(FailPoint.TURN_STARTED)
            case CallModel(is_resumed):
                await self._reason(agent, is_resumed=is_resumed)
            case RunTools():
                await Acting(session, agent, session.turn).run(directive)
            case AskClient(calls):
                session.append(write.ask_client(session.turn, calls, session.new_id("exec")))
                reach(FailPoint.CLIENT_ASKED)
            case Finish():
                reach(FailPoint.TURN_FINISHING)
                session.append(*write.finish_turn(session.state, session.turn, timestamp()))
                reach(FailPoint.TURN_FINISHED)
            case _:
                assert_never(directive)
        return True

    async def _reason(self, agent: RuntimeAgent, *, is_resumed: bool) -> None:
        self._reasoning = reasoning = ReasonStep(self.session, agent, self._opened)
        try:
            await reasoning.run(is_resumed=is_resumed)
        finally:
            if self._reasoning is reasoning:
                reasoning.close()
                self._reasoning = None

    async def _load(self) -> RuntimeAgent:
        """Compose the agent anew; waits for a database that is away, since nothing could be journaled either.

        Raises:
            CallerError: the agent cannot run as it is configured.
        """
        while True:
            try:
                return await self.session.services.composer.load(self.session.binding)
            except StoreUnavailableError as err:
                log.warning("agent_load_retrying", reason=err.reason)
                await asyncio.sleep(LOAD_RETRY_S)

    def _open_turn(self, input_message_id: str, agent: RuntimeAgent | None) -> None:
        session = self.session
        names = ev.TurnStarted(
            turn_id="",
            input_message_id="",
            agent_id=session.binding.agent_id,
            agent_name=agent.agent_name if agent else None,
            agent_description=agent.agent_description if agent else None,
        )
        session.append(*write.start_turn(session.state, input_message_id, session.new_id("turn"), names))

    # ------------------------------------------------------------ waiting for somebody outside

    def _wait(self, directive: AwaitClient | AwaitDecision) -> None:
        if isinstance(directive, AwaitClient):
            limit = timedelta(seconds=self.session.services.tunables.client_tool_timeout_s)
            until = datetime.fromisoformat(directive.requested_at) + limit
        else:
            until = datetime.fromisoformat(directive.decide_by)
        if self._deadline is not None:
            self._deadline.cancel()
        left_s = max(0.0, (until - now()).total_seconds())
        self._deadline = asyncio.get_running_loop().call_later(left_s, self._expire, directive)

    def _expire(self, awaited: AwaitClient | AwaitDecision) -> None:
        self._deadline = None
        if self._runner is None and not self.session.is_lost:
            self._start(self._settle(awaited))

    async def _settle(self, awaited: AwaitClient | AwaitDecision) -> None:
        """Settle what nobody answered in time, unless something else is waited for by now, and go on."""
        session = self.session
        if decide(session.state, (), 0) == awaited:
            if isinstance(awaited, AwaitClient):
                seconds = session.services.tunables.client_tool_timeout_s
                session.append(*write.expire_calls(session.turn, seconds, timestamp()))
            else:
                session.append(*expire_decisions(session.turn, timestamp()))
        await self._run()
