"""One model call: ask, and journal what came of it (docs/wire.md, "The order of a turn")."""

import contextlib

import structlog

from runtime.agents.composition import RuntimeAgent, in_language
from runtime.core import event as ev
from runtime.core.errors import ModelRejectedError, ModelUnavailableError, NotFoundError, PerdureError
from runtime.core.failure import Disclosure, code_of, in_full, narrowed, telling_of
from runtime.core.message import NO_USAGE, Message, MessagePhase, Role, TextPart
from runtime.core.session import draft as write
from runtime.core.session.draft import Draft
from runtime.core.session.state import Turn
from runtime.core.session.wishes import wishes
from runtime.core.storable import storable
from runtime.engine.asking import Asking
from runtime.engine.counting import count_answer, count_failed_call
from runtime.engine.discretion import said
from runtime.engine.generation import answered, failed
from runtime.engine.route import Route
from runtime.engine.session import LiveSession
from runtime.engine.showing import Showing
from runtime.ports.model import ModelRef, ModelReply, ModelRequest
from runtime.process.failpoint import FailPoint, reach
from runtime.process.mint import random_id, timestamp

log = structlog.get_logger(__name__)


class ReasonStep:
    """The reason step that is open, from its first event to its last. Made anew for each model call.

    `opened` are models that this turn has called (`Route`).
    """

    def __init__(self, session: LiveSession, agent: RuntimeAgent, opened: dict[str, ModelRef]) -> None:
        self._session = session
        self._agent = agent
        self._opened = opened
        self._wishes = wishes(session.state)
        self._showing = Showing(session)

    @property
    def seen(self) -> str:
        """What clients have been shown of the message so far."""
        return self._showing.text

    def partial(self) -> tuple[ev.Payload, ev.Context] | None:
        """Return a delta that holds all of the message so far, for a client that comes late."""
        turn = self._session.state.turn
        text = self._showing.sent
        if turn is None or turn.message_id is None or not text:
            return None
        data = ev.OutputDelta(turn_id=turn.turn_id, message_id=turn.message_id, delta=text, accumulated=text)
        return data, write.reason_context(turn)

    def end_thinking(self) -> None:
        """Journal what was thought so far, because the step ends here."""
        self._showing.end_thinking()

    def close(self) -> None:
        """Stop the timers of the streams; what they hold is sent."""
        self._showing.close()

    async def run(self, *, is_resumed: bool) -> None:
        """Make the call and append all that belongs to it. Returns without waiting for the disk."""
        session, turn = self._session, self._session.turn
        try:
            route = Route(session, self._agent, self._wishes, self._opened)
        except NotFoundError as err:
            self._begin(None, is_resumed=is_resumed)
            self._fail(turn, None, ModelRejectedError(str(err), "model_unavailable"))
            return
        asking = Asking(session, self._showing, route, self._disclosure)
        with contextlib.suppress(ModelRejectedError):  # what is wrong with it is said when it is asked
            await asking.open()
        self._begin(None if asking.ref.is_closed else asking.ref, is_resumed=is_resumed)
        reach(FailPoint.MODEL_CALLING)
        try:
            reply = await asking.ask(await self._request(asking.ref))
        except (ModelUnavailableError, ModelRejectedError) as err:
            if session.state.turn is turn:
                self._fail(turn, asking, err)
            return
        reach(FailPoint.MODEL_ANSWERED)
        self._complete(turn, asking, reply)

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

    # ------------------------------------------------------------ what is asked

    @property
    def _disclosure(self) -> Disclosure:
        return narrowed(self._agent.error_disclosure, self._wishes.error_disclosure)

    async def _request(self, ref: ModelRef) -> ModelRequest:
        turn, wishes = self._session.turn, self._wishes
        response_format = wishes.response_format or self._agent.response_format
        history = tuple(self._session.state.messages[: turn.heard])
        if self._session.state.shows_pictures:
            outbound = self._session.services.outbound(self._agent.network_access)
            history = await self._session.pictures.shown(history, outbound)
        return ModelRequest(
            model=ref,
            system=in_language(self._agent.system_prompt, self._wishes.locale or self._agent.locale),
            history=history,
            tools=self._agent.specs,
            org_id=self._session.org_id,
            call_index=turn.iterations,
            input_message_id=turn.input_message_id,
            reasoning_effort=wishes.reasoning.effort if wishes.reasoning else None,
            speed=wishes.speed,
            verbosity=wishes.verbosity,
            parallel_tool_calls=self._agent.parallel_tool_calls,
            response_format=response_format if response_format and response_format.is_json else None,
        )

    # ------------------------------------------------------------ what came of it

    def _complete(self, turn: Turn, asking: Asking, reply: ModelReply) -> None:
        session, showing, ref = self._session, self._showing, asking.ref
        count_answer(asking.spent, asking.retries)
        showing.finish(turn, ref, reply.text)
        reply = said(reply, session.session_id)
        now = timestamp()
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
            answered(session, self._agent, asking, reply, showing.first_token_at),
            Draft(completed, write.reason_context(turn), reply.private),
            write.complete_reason(turn, reply.text, len(reply.tool_calls), asking.spent, now),
        )

    def _fail(self, turn: Turn, asking: Asking | None, error: PerdureError) -> None:
        session = self._session
        spent, retries = (asking.spent, asking.retries) if asking else (NO_USAGE, 0)
        count_failed_call(spent, retries)
        attempts, waited_s = (asking.attempts, asking.waited_s) if asking else (0, 0.0)
        words = storable(in_full(error, attempts, waited_s))
        told = telling_of(error, self._disclosure, attempts, waited_s)
        log.warning("model_call_failed", session_id=session.session_id, code=code_of(error), error=words)
        self.close()
        self.end_thinking()
        now = timestamp()
        failure = write.failed_message(turn.message_id or random_id("message"), told, now)
        drafts = write.fail_reason(turn, failure, words, now)
        if asking is not None:
            generation = failed(session, self._agent, asking, words, self._showing.first_token_at)
            drafts.insert(len(drafts) - 2, generation)
        session.append(*drafts)


def _metadata(ref: ModelRef) -> ev.ModelMetadata:
    return ev.ModelMetadata(ref.name, ref.id, ref.provider_id)
