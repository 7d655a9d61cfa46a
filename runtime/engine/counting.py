"""What the engine counts: turns as they end, and calls to models; when that is decided, not when it lands."""

from collections.abc import Sequence

from runtime.core import event as ev
from runtime.core.message import Usage
from runtime.core.metrics.histogram import bucket_of
from runtime.core.session.draft import Draft
from runtime.core.session.state import Turn
from runtime.process.metrics import counts

MICRO = 1_000_000


def count_end(turn: Turn | None, drafts: Sequence[Draft]) -> None:
    """Count the turn that these events end."""
    for draft in drafts:
        match draft.data:
            case ev.TurnCompleted(duration_ms=duration_ms):
                counts.turns_completed += 1
                counts.turn_ms += duration_ms or 0
            case ev.TurnFailed(error_code=code):
                _count_failure(code or "unknown")
            case ev.TurnSealed(reason=reason):
                _count_failure(reason)
            case ev.TurnCancelled():
                counts.turns_cancelled += 1
    if turn is not None and turn.first_token_ms is not None:
        counts.first_token[bucket_of(turn.first_token_ms)] += 1


def _count_failure(code: str) -> None:
    counts.turns_failed += 1
    counts.failures[code] = counts.failures.get(code, 0) + 1


def count_answer(usage: Usage, retries: int) -> None:
    """Count a call to a model that was answered, after so many that were not."""
    counts.model_calls += 1
    counts.model_retries += retries
    if _count_usage(usage):
        counts.priced_calls += 1


def count_failed_call(usage: Usage, retries: int) -> None:
    """Count a call to a model that nobody answered, or in no way that could be used."""
    counts.model_failures += 1
    counts.model_retries += retries
    _count_usage(usage)


def _count_usage(usage: Usage) -> bool:
    """Count what a call took, and tell whether its price is known.

    What is counted goes from process to process as numbers of a fixed size: one that has none would end its actor.
    """
    usage = usage.credible
    counts.input_tokens += usage.input_tokens
    counts.output_tokens += usage.output_tokens
    counts.cached_tokens += usage.cache_read_tokens or 0
    if usage.estimated_cost_usd is None:
        return False
    counts.cost_microusd += round(usage.estimated_cost_usd * MICRO)
    return True
