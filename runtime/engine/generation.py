"""A model call as traces and ledgers see it: `llm.generation`."""

from runtime.agents.composition import RuntimeAgent
from runtime.core import event as ev
from runtime.core.message import NO_USAGE, Message, Role, TextPart
from runtime.core.session.draft import Draft
from runtime.core.session.elapsed import elapsed_ms
from runtime.engine.asking import Asking
from runtime.engine.discretion import discreet
from runtime.engine.session import LiveSession
from runtime.ports.model import ModelReply
from runtime.process.mint import random_id, timestamp


def answered(session: LiveSession, agent: RuntimeAgent, asking: Asking, reply: ModelReply, first: str | None) -> Draft:
    """Return the record of a call that was answered, of which `first` was the time of the first token."""
    metadata = ev.GenerationMetadata(
        model=asking.ref.name,
        success=True,
        provider=asking.ref.provider,
        usage=asking.spent,
        duration_ms=elapsed_ms(session.turn.reason_started_at, timestamp()),
        time_to_first_token_ms=elapsed_ms(session.turn.reason_started_at, first) if first else None,
        finish_reasons=(reply.finish_reason,) if reply.finish_reason else None,
        response_id=reply.response_id,
        retry=_retries(asking),
        fallbacks=tuple(session.turn.tried) or None,
    )
    return _record(session, agent, metadata, ev.GenerationOutput(reply.text or None, reply.tool_calls))


def failed(session: LiveSession, agent: RuntimeAgent, asking: Asking, error: str, first: str | None) -> Draft:
    """Return the record of a call that failed, with `error` in full."""
    metadata = ev.GenerationMetadata(
        model=asking.ref.name,
        success=False,
        provider=asking.ref.provider,
        usage=asking.spent if asking.spent != NO_USAGE else None,
        duration_ms=elapsed_ms(session.turn.reason_started_at, timestamp()),
        time_to_first_token_ms=elapsed_ms(session.turn.reason_started_at, first) if first else None,
        error=error,
        retry=_retries(asking),
        fallbacks=tuple(session.turn.tried) or None,
    )
    return _record(session, agent, metadata, ev.GenerationOutput())


def _retries(asking: Asking) -> ev.Retries | None:
    return ev.Retries(asking.retries, round(asking.waited_s * 1000)) if asking.retries else None


def _record(
    session: LiveSession, agent: RuntimeAgent, metadata: ev.GenerationMetadata, output: ev.GenerationOutput
) -> Draft:
    turn, state = session.turn, session.state
    system = Message(
        id=random_id("message"), role=Role.SYSTEM, content=(TextPart(agent.system_prompt),), created_at=timestamp()
    )
    data = ev.LlmGeneration(
        messages=(system, *(t.message for t in state.messages[state.generated : turn.heard])),
        output=output,
        metadata=metadata,
        tools=tuple(ev.GenerationTool(t.name, t.description) for t in agent.specs) or None,
    )
    data = discreet(data, session.session_id)
    span = session.new_id("exec")
    return Draft(data, ev.Context(turn.turn_id, turn.input_message_id, turn.exec_id, turn.turn_id, span, turn.exec_id))
