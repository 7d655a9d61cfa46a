"""One batch of the server's tools: intent before the effect, outcome after it (ARCHITECTURE.md, promise 4).

What a crash cut off is sorted by what its tool says: run it again, tell the model that nobody knows, or ask a
person. People are asked last, when everything else of the batch is done: while they think, nothing runs.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec
import structlog

from runtime.agents.composition import RuntimeAgent
from runtime.agents.connection import Connection
from runtime.agents.tool import OnInterrupt, SessionInfo, Tool, ToolContext
from runtime.core import event as ev
from runtime.core.errors import InvalidInputError, PerdureError, ToolError
from runtime.core.message import TextPart, ToolCallPart
from runtime.core.session import draft as write
from runtime.core.session.asker import asker
from runtime.core.session.decision import ask_person
from runtime.core.session.draft import Draft
from runtime.core.session.effect import idempotency_key
from runtime.core.session.state import Call, Turn
from runtime.core.session.turn import RunTools
from runtime.core.session.wishes import wishes
from runtime.core.storable import as_stored, storable
from runtime.engine.discretion import Outputs, discreet
from runtime.engine.session import LiveSession
from runtime.process.failpoint import FailPoint, reach
from runtime.process.mint import now, timestamp
from runtime.process.redaction import held

log = structlog.get_logger(__name__)

SERIAL: Final = "serial"
MAX_ERROR_CHARS: Final = 10_000
EMITTED: Final = (ev.FileWritten, ev.SessionTitleUpdated, ev.ToolProgress, ev.ToolOutputDelta)


class Acting:
    """Runs the calls of one batch."""

    def __init__(self, session: LiveSession, agent: RuntimeAgent, turn: Turn) -> None:
        self._session = session
        self._agent = agent
        self._turn = turn
        self._places = asyncio.Semaphore(session.services.tunables.tools_at_once)
        self._outputs = Outputs(session.session_id)

    async def run(self, directive: RunTools) -> None:
        """Start fresh calls, settle interrupted ones, and return when each has its outcome."""
        again, doubtful = self._sort(directive.interrupted)
        await self._announce(directive.fresh, again)
        lanes: dict[str, list[ToolCallPart]] = defaultdict(list)
        for call in (*again, *directive.fresh):
            lanes[self._lane(call)].append(call)
        async with asyncio.TaskGroup() as group:
            for calls in lanes.values():
                group.create_task(self._run_in_order(calls))
        self._ask(doubtful)

    async def _announce(self, fresh: Sequence[ToolCallPart], again: Sequence[ToolCallPart]) -> None:
        """Journal the intent, and wait for the disk: no effect may come before it."""
        session, turn = self._session, self._turn
        if turn.act_id is None:
            summaries = [write.summary(c.call, self._display(c.call)) for c in turn.calls if self._is_ours(c)]
            session.append(write.start_act(turn, session.new_id("exec"), summaries))
        starts = [self._start(c) for c in fresh]
        replays = [write.repair_call(turn, self._call(c), ev.REPLAY) for c in again]
        if starts or replays:
            session.append(*starts, *replays)
        await session.settled()
        reach(FailPoint.TOOL_INTENDED)

    def _start(self, part: ToolCallPart) -> Draft:
        tool = self._agent.tools.get(part.name)
        policy = tool.on_interrupt.value if tool else None
        return write.start_call(self._turn, part, self._display(part), self._session.new_id("exec"), policy)

    def _sort(self, interrupted: Sequence[ToolCallPart]) -> tuple[list[ToolCallPart], list[ToolCallPart]]:
        """Return the calls to run again and those to ask a person about; settle the rest as unknown."""
        again, doubtful = [], []
        for part in interrupted:
            tool, call = self._agent.tools.get(part.name), self._call(part)
            policy = tool.on_interrupt if tool else OnInterrupt.ONCE
            if policy is OnInterrupt.RETRY or call.decision == ev.RETRY:
                again.append(part)
            elif policy is OnInterrupt.ASK:
                doubtful.append(part)
            else:
                self._give_up(call)
        return again, doubtful

    def _give_up(self, call: Call) -> None:
        outcome = msgspec.structs.replace(_failure(call.call, write.INTERRUPTED), outcome_unknown=True)
        self._session.append(
            write.repair_call(self._turn, call), write.complete_call(self._turn, call, outcome, timestamp())
        )

    def _ask(self, doubtful: Sequence[ToolCallPart]) -> None:
        session, turn = self._session, self._turn
        if not doubtful or self._is_over:
            return
        expires_at = timestamp(after_s=session.services.tunables.decision_timeout_s)
        session.append(*[
            ask_person(session.state, turn, self._call(part), self._display(part), expires_at) for part in doubtful
        ])  # fmt: skip

    def _is_ours(self, call: Call) -> bool:
        return call.call.name not in self._agent.client_tools

    def _display(self, call: ToolCallPart) -> str | None:
        tool = self._agent.tools.get(call.name)
        return tool.display_name if tool else None

    def _lane(self, call: ToolCallPart) -> str:
        if self._agent.parallel_tool_calls is False:
            return SERIAL
        tool = self._agent.tools.get(call.name)
        return f"class {tool.concurrency_class}" if tool and tool.concurrency_class else f"call {call.id}"

    def _call(self, part: ToolCallPart) -> Call:
        return next(c for c in self._turn.calls if c.call.id == part.id)

    @property
    def _is_over(self) -> bool:
        """Whether the turn was stopped meanwhile; its calls are settled already."""
        return self._session.state.turn is not self._turn

    async def _run_in_order(self, calls: Sequence[ToolCallPart]) -> None:
        for part in calls:
            async with self._places:
                await self._session.services.journal.room()
                if self._is_over:
                    return
                outcome = await self._outcome(part)
            reach(FailPoint.TOOL_DONE)
            if self._is_over:
                return
            call = self._call(part)
            for rest in self._outputs.end(part.id):
                self._session.send_delta(rest, write.call_context(self._turn, call.span_id))
            self._session.append(write.complete_call(self._turn, call, outcome, timestamp()))
            reach(FailPoint.TOOL_RECORDED)

    async def _outcome(self, part: ToolCallPart) -> ev.ToolCompleted:
        tool = self._agent.tools.get(part.name)
        if tool is None:
            known = ", ".join(sorted(self._agent.tools)) or "none"
            return _failure(part, f"There is no tool {part.name!r}. Tools: {known}.")
        timeout_s = tool.timeout_s or self._session.services.tunables.tool_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                result = await tool.run(self._context(part), **tool.check(part.arguments))
            text = _told(result, self._session.services.tunables.tool_result_bytes)
        except PerdureError as err:
            return _failure(part, held.hide(str(err), self._session.session_id), tool)
        except TimeoutError:
            return _failure(part, f"The tool did not finish within {timeout_s:g} s and was stopped.", tool, "timeout")
        except (Exception, asyncio.CancelledError) as err:
            if isinstance(err, asyncio.CancelledError) and _is_stopped():
                raise
            # A tool is foreign code: whatever it raises is its own failure and must not end the turn. It is cancelled
            # without our doing where it awaits a task that somebody else has stopped.
            log.exception("tool_failed", tool=part.name, session_id=self._session.session_id)
            return _failure(part, "The tool failed.", tool)
        return ev.ToolCompleted(
            tool_call_id=part.id,
            tool_name=part.name,
            success=True,
            status="success",
            result=(TextPart(held.hide(text, self._session.session_id)),),
            display_name=tool.display_name,
        )

    def _context(self, part: ToolCallPart) -> ToolContext:
        session, services = self._session, self._session.services
        context = write.call_context(self._turn, self._call(part).span_id)
        wished = wishes(session.state)
        info = SessionInfo(
            session_id=session.session_id,
            agent_id=session.binding.agent_id,
            title=session.title,
            locale=wished.locale or self._agent.locale,
            turn_id=self._turn.turn_id,
            created_at=session.created_at,
            message_count=len(session.state.messages),
            hints={**self._agent.hints, **(wished.hints or {})},
        )
        return ToolContext(
            tool_call_id=part.id,
            idempotency_key=idempotency_key(session.session_id, self._turn.turn_id, part.id),
            session=info,
            files=services.workspace(session.org_id, session.workspace_id),
            keys=services.keys(session.org_id, session.session_id),
            secrets=services.secrets(session.org_id, session.session_id),
            connection=self._connection,
            now=now,
            outbound=services.outbound(self._agent.network_access),
            emit=lambda payload: self._emit(part, payload, context),
        )

    def _connection(self, provider: str) -> Connection:
        session = self._session
        user_id = asker(session.state, self._turn)
        if user_id is None:
            return Connection(provider, None)
        return Connection(provider, session.services.connections(session.org_id, session.session_id, user_id).reveal)

    def _emit(self, part: ToolCallPart, payload: ev.Payload, context: ev.Context) -> None:
        if self._is_over:
            return
        if not isinstance(payload, EMITTED):
            message = f"A tool may not emit {payload.type}, only {', '.join(kind.type for kind in EMITTED)}."
            raise ToolError(message)
        data = as_stored(payload.type, payload)
        if isinstance(data, ev.ToolOutputDelta):
            if (shown := self._outputs.take(part.id, data)) is not None:
                self._session.send_delta(shown, context)
            return
        data = discreet(data, self._session.session_id)
        if isinstance(data, ev.ToolProgress) and self._session.services.journal.is_full:
            log.warning("tool_progress_dropped", tool=data.tool_name, session_id=self._session.session_id)
        else:
            self._session.append(Draft(data, context))


def _told(result: object, limit_bytes: int) -> str:
    """Return a result as the model reads it. Raises ToolError for one that cannot be shown."""
    try:
        text = write.as_text(result)
    except InvalidInputError as err:
        message = f"The tool ran, but its result cannot be shown. {err}"
        raise ToolError(message) from None
    size_bytes = len(text.encode())
    if size_bytes > limit_bytes:
        message = f"The tool ran, but its result is too large: {size_bytes} bytes, of {limit_bytes} that are allowed."
        raise ToolError(message)
    return text


def _failure(part: ToolCallPart, error: str, tool: Tool | None = None, status: str = "error") -> ev.ToolCompleted:
    error = storable(error)
    if len(error) > MAX_ERROR_CHARS:
        error = f"{error[:MAX_ERROR_CHARS]} … ({len(error)} characters)"
    return ev.ToolCompleted(
        tool_call_id=part.id,
        tool_name=part.name,
        success=False,
        status=status,
        error=error,
        display_name=tool.display_name if tool else None,
        outcome_unknown=status == "timeout",
    )


def _is_stopped() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
