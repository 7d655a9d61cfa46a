"""One model call: ask, stream, retry, and journal what came of it (docs/wire.md, "The order of a turn")."""

import asyncio
import contextlib
import random
from typing import Final

import msgspec
import structlog

from runtime.agents.composition import RuntimeAgent
from runtime.core import event as ev
from runtime.core.errors import (
    ModelRejectedError,
    ModelUnavailableError,
    NotFoundError,
    PerdureError,
    SecretUnreadableError,
    TransientError,
)
from runtime.core.failure import ANSWER_TOO_SLOW, code_of, explain, fields_of
from runtime.core.message import Controls, Message, MessagePhase, Role, TextPart
from runtime.core.retry import backoff_s
from runtime.core.session import draft as write
from runtime.core.session.draft import Draft
from runtime.core.session.elapsed import elapsed_ms
from runtime.core.session.state import Turn
from runtime.core.storable import storable
from runtime.engine.answer import Answer
from runtime.engine.session import LiveSession
from runtime.engine.stream import DeltaStream, Emit
from runtime.ports.model import ModelRef, ModelReply, ModelRequest, ReasoningDelta, TextDelta
from runtime.process.failpoint import FailPoint, reach
from runtime.process.mint import random_id, timestamp

log = structlog.get_logger(__name__)

OPEN_RETRY_S: Final = 0.5
NO_CONTROLS: Final = Controls()


def forget_deltas(session: LiveSession) -> None:
    """Tell clients that what they have seen of a message begins again, if they can have seen any."""
    turn = session.turn
    if turn.message_id is not None or turn.is_thinking:
        data = ev.ReasonRecovered(turn_id=turn.turn_id, mode="restart", accumulated_len=0)
        session.append(Draft(data, write.reason_context(turn)))


class ReasonStep:
    """The reason step that is open, from its first event to its last. Made anew for each model call.

    `opened` are models that this turn has called: it goes on with them, whatever becomes of their providers.
    """

    def __init__(self, session: LiveSession, agent: RuntimeAgent, opened: dict[str, ModelRef]) -> None:
        self._session = session
        self._agent = agent
        self._opened = opened
        self._output: DeltaStream | None = None
        self._thinking: DeltaStream | None = None
        self._attempts = 0
        self._waited_s = 0.0
        self._first_token_at: str | None = None

    @property
    def seen(self) -> str:
        """What clients have been shown of the message so far."""
        return self._output.text if self._output else ""

    def partial(self) -> tuple[ev.Payload, ev.Context] | None:
        """Return a delta that holds all of the message so far, for a client that comes late."""
        turn = self._session.state.turn
        text = self._output.sent if self._output else ""
        if turn is None or turn.message_id is None or not text:
            return None
        data = ev.OutputDelta(turn_id=turn.turn_id, message_id=turn.message_id, delta=text, accumulated=text)
        return data, write.reason_context(turn)

    async def run(self, *, is_resumed: bool) -> None:
        """Make the call and append all that belongs to it. Returns without waiting for the disk."""
        session, turn = self._session, self._session.turn
        controls = self._controls()
        try:
            ref = self._model(controls)
            if ref.is_closed:
                ref = await self._open(ref)
        except (NotFoundError, SecretUnreadableError) as err:
            self._begin(None, is_resumed=is_resumed)
            self._fail(turn, None, ModelRejectedError(str(err), "model_unavailable"))
            return
        self._begin(ref, is_resumed=is_resumed)
        reach(FailPoint.MODEL_CALLING)
        try:
            reply = await self._ask_in_time(self._request(ref, controls))
        except (ModelUnavailableError, ModelRejectedError) as err:
            if session.state.turn is turn:
                self._fail(turn, ref, err)
            return
        reach(FailPoint.MODEL_ANSWERED)
        self._complete(turn, ref, reply)

    def _begin(self, ref: ModelRef | None, *, is_resumed: bool) -> None:
        session, turn = self._session, self._session.turn
        if is_resumed:
            return
        drafts = [] if turn.act_id is None else [write.complete_act(turn, timestamp())]
        binding = session.binding
        data = ev.ReasonStarted(
            harness_id=binding.harness_id, agent_id=binding.agent_id, metadata=_metadata(ref) if ref else None
        )
        session.append(*drafts, write.start_reason(turn, data, session.new_id("exec")))

    # ------------------------------------------------------------ asking

    def _controls(self) -> Controls:
        turn = self._session.turn
        for turned in reversed(self._session.state.messages[: turn.heard or None]):
            if turned.message.role is Role.USER:
                return turned.message.controls or NO_CONTROLS
        return NO_CONTROLS

    def _model(self, controls: Controls) -> ModelRef:
        key = controls.model or controls.model_id or self._agent.model_id
        return self._session.services.models.find(self._session.org_id, key)

    async def _open(self, ref: ModelRef) -> ModelRef:
        """Return a model with its endpoint; waits for a database that is away, as all else does."""
        session = self._session
        while ref.id not in self._opened:
            try:
                self._opened[ref.id] = await session.services.models.opened(session.org_id, session.session_id, ref)
            except TransientError as err:
                log.warning("model_open_retrying", reason=str(err))
                await asyncio.sleep(OPEN_RETRY_S)
        return self._opened[ref.id]

    def _request(self, ref: ModelRef, controls: Controls) -> ModelRequest:
        turn = self._session.turn
        return ModelRequest(
            model=ref,
            system=self._agent.system_prompt,
            history=tuple(self._session.state.messages[: turn.heard]),
            tools=self._agent.specs,
            call_index=turn.iterations,
            attempt=self._attempts,
            input_message_id=turn.input_message_id,
            reasoning_effort=controls.reasoning.effort if controls.reasoning else None,
            speed=controls.speed,
            verbosity=controls.verbosity,
            parallel_tool_calls=self._agent.parallel_tool_calls,
        )

    async def _ask_in_time(self, request: ModelRequest) -> ModelReply:
        limit_s = self._session.services.tunables.model_call_s
        clock = asyncio.timeout(limit_s)
        try:
            async with clock:
                return await self._ask(request)
        except TimeoutError:
            if not clock.expired():
                raise
            message = f"It may take {limit_s:g} s, with all attempts (PERDURE_MODEL__CALL_TIMEOUT_S)."
            raise ModelRejectedError(message, ANSWER_TOO_SLOW, request.model.provider) from None

    async def _ask(self, request: ModelRequest) -> ModelReply:
        """Stream the answer, trying again after failures that may pass."""
        tunables = self._session.services.tunables
        while True:
            try:
                return await self._stream(request)
            except ModelUnavailableError as err:
                self._attempts += 1
                if self._attempts >= tunables.model_attempts:
                    raise
                chance = random.random()  # noqa: S311  spreads retries, guards nothing
                delay = backoff_s(
                    self._attempts - 1, tunables.retry_first_s, tunables.retry_most_s, chance, err.retry_after_s
                )
                log.info("model_call_retried", code=err.failure, attempt=self._attempts, wait_s=round(delay, 3))
            self._drop_streams()
            self._waited_s += delay
            await asyncio.sleep(delay)
            request = msgspec.structs.replace(request, attempt=self._attempts)

    async def _stream(self, request: ModelRequest) -> ModelReply:
        tunables = self._session.services.tunables
        answer = Answer(request.model.provider, tunables.answer_limit_bytes, tunables.calls_per_answer)
        async with contextlib.aclosing(self._session.services.model.stream(request)) as items:
            async for item in items:
                match answer.take(item):
                    case TextDelta(text):
                        self._say(request.model, text)
                    case ReasoningDelta(text):
                        self._think(request.model, text)
                    case ModelReply() as reply:
                        return reply
        raise ModelUnavailableError(message="The model's answer broke off.", provider=request.model.provider)

    def _say(self, ref: ModelRef, text: str) -> None:
        if self._output is None:
            self._open_output(self._session.turn, ref)
            self._output = self._stream_of(self._send_output)
        self._output.feed(text)

    def _stream_of(self, emit: Emit) -> DeltaStream:
        session = self._session
        return DeltaStream(emit, session.services.tunables.delta_interval_s, session.when_settled)

    def _open_output(self, turn: Turn, ref: ModelRef | None) -> None:
        self._first_token_at = self._first_token_at or timestamp()
        drafts = self._thoughts(turn)
        if turn.message_id is None:
            data = ev.OutputStarted(
                turn_id=turn.turn_id,
                message_id=random_id("message"),
                model=ref.name if ref else None,
                iteration=turn.iterations + 1,
            )
            drafts.append(Draft(data, write.reason_context(turn)))
        if drafts:
            self._session.append(*drafts)

    def _send_output(self, delta: str, accumulated: str) -> None:
        reach(FailPoint.MODEL_STREAMING)
        turn = self._session.turn
        data = ev.OutputDelta(
            turn_id=turn.turn_id, message_id=turn.message_id or "", delta=delta, accumulated=accumulated
        )
        self._session.send_delta(data, write.reason_context(turn))

    def _think(self, ref: ModelRef, text: str) -> None:
        turn = self._session.turn
        if self._thinking is None:
            if not turn.is_thinking:
                data = ev.ThinkingStarted(turn_id=turn.turn_id, model=ref.name)
                self._session.append(Draft(data, write.reason_context(turn)))
            self._thinking = self._stream_of(self._send_thought)
        self._thinking.feed(text)

    def _send_thought(self, delta: str, accumulated: str) -> None:
        turn = self._session.turn
        data = ev.ThinkingDelta(turn_id=turn.turn_id, delta=delta, accumulated=accumulated)
        self._session.send_delta(data, write.reason_context(turn))

    def end_thinking(self) -> None:
        """Journal what was thought so far, because the step ends here."""
        drafts = self._thoughts(self._session.turn)
        if drafts:
            self._session.append(*drafts)

    def _thoughts(self, turn: Turn) -> list[Draft]:
        """Return the end of the thinking if it is open."""
        text = self._thinking.close() if self._thinking else ""
        self._thinking = None
        if not turn.is_thinking:
            return []
        data = ev.ThinkingCompleted(turn_id=turn.turn_id, thinking=text)
        return [Draft(data, write.reason_context(turn))]

    def _drop_streams(self) -> None:
        began = self._output is not None or self._thinking is not None
        for stream in (self._output, self._thinking):
            if stream is not None:
                stream.close()
        self._output = self._thinking = None
        if began:
            forget_deltas(self._session)

    # ------------------------------------------------------------ what came of it

    def _complete(self, turn: Turn, ref: ModelRef, reply: ModelReply) -> None:
        session = self._session
        if reply.text and self._output is None:
            self._say(ref, reply.text)
        if self._output is not None:
            self._output.close()
        self._open_output(turn, ref)
        now = timestamp()
        context = write.reason_context(turn)
        message = Message(
            id=turn.message_id or "",
            role=Role.AGENT,
            content=(*((TextPart(reply.text),) if reply.text else ()), *reply.tool_calls),
            created_at=now,
            metadata={"model": ref.name},
            phase=MessagePhase.COMMENTARY if reply.tool_calls else MessagePhase.FINAL_ANSWER,
            thinking=reply.thinking,
        )
        completed = ev.OutputCompleted(message=message, metadata=_metadata(ref), usage=reply.usage)
        session.append(
            Draft(self._generation(ref, reply, None), self._generation_context(turn)),
            Draft(completed, context, reply.private),
            write.complete_reason(turn, reply.text, len(reply.tool_calls), reply.usage, now),
        )

    def _fail(self, turn: Turn, ref: ModelRef | None, error: PerdureError) -> None:
        code, words = code_of(error), storable(str(error))
        log.warning("model_call_failed", session_id=self._session.session_id, code=code, error=words)
        self.close()
        self.end_thinking()
        now = timestamp()
        fields = fields_of(error)
        message = Message(
            id=turn.message_id or random_id("message"),
            role=Role.AGENT,
            content=(TextPart(explain(code, words)),),
            created_at=now,
            metadata={"error_code": code} | ({"error_fields": fields} if fields else {}),
            phase=MessagePhase.FINAL_ANSWER,
        )
        failure = ev.OutputCompleted(message=message, error_code=code, error_fields=fields)
        drafts = write.fail_reason(turn, message, failure, words, now)
        if ref is not None:
            generation = Draft(self._generation(ref, None, words), self._generation_context(turn))
            drafts.insert(len(drafts) - 2, generation)
        self._session.append(*drafts)

    def close(self) -> None:
        """Stop the timers of the streams; what they hold is sent."""
        for stream in (self._output, self._thinking):
            if stream is not None:
                stream.close()

    def _generation_context(self, turn: Turn) -> ev.Context:
        span = self._session.new_id("exec")
        return ev.Context(turn.turn_id, turn.input_message_id, turn.exec_id, turn.turn_id, span, turn.exec_id)

    def _generation(self, ref: ModelRef, reply: ModelReply | None, error: str | None) -> ev.LlmGeneration:
        turn, state, now = self._session.turn, self._session.state, timestamp()
        system = Message(
            id=random_id("message"), role=Role.SYSTEM, content=(TextPart(self._agent.system_prompt),), created_at=now
        )
        first = self._first_token_at
        metadata = ev.GenerationMetadata(
            model=ref.name,
            success=reply is not None,
            provider=ref.provider,
            usage=reply.usage if reply else None,
            duration_ms=elapsed_ms(turn.reason_started_at, now),
            time_to_first_token_ms=elapsed_ms(turn.reason_started_at, first) if first else None,
            finish_reasons=(reply.finish_reason,) if reply and reply.finish_reason else None,
            response_id=reply.response_id if reply else None,
            error=error,
            retry=ev.Retries(self._attempts, round(self._waited_s * 1000)) if self._attempts else None,
        )
        return ev.LlmGeneration(
            messages=(system, *(t.message for t in state.messages[state.generated : turn.heard])),
            output=ev.GenerationOutput(reply.text or None, reply.tool_calls) if reply else ev.GenerationOutput(),
            metadata=metadata,
            tools=tuple(ev.GenerationTool(t.name, t.description) for t in self._agent.specs) or None,
        )


def _metadata(ref: ModelRef) -> ev.ModelMetadata:
    return ev.ModelMetadata(ref.name, ref.id, ref.provider_id)
