"""What the engine counts of turns and calls."""

from collections.abc import Iterator

import pytest

from runtime.core import event as ev
from runtime.core.message import Usage
from runtime.core.metrics.counts import Counts, take
from runtime.core.metrics.histogram import bucket_of
from runtime.core.session.draft import Draft
from runtime.core.session.state import Turn
from runtime.engine.counting import count_answer, count_end, count_failed_call
from runtime.process.metrics import counts


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    take(counts)
    yield
    take(counts)


def end(data: ev.Payload, first_token_ms: int | None = None) -> Counts | None:
    turn = Turn("turn_1", "message_1", "2026-01-01T00:00:00.000Z", first_token_ms=first_token_ms)
    idled = ev.SessionIdled(turn_id="turn_1", iterations=1)
    count_end(turn, [Draft(data, ev.Context()), Draft(idled, ev.Context())])
    return take(counts)


def test_a_turn_counts_by_how_it_ended() -> None:
    completed = end(ev.TurnCompleted(turn_id="turn_1", iterations=1, duration_ms=1_200), 340)
    expected = Counts(turns_completed=1, turn_ms=1_200)
    expected.first_token[bucket_of(340)] = 1
    assert completed == expected
    failed = end(ev.TurnFailed(turn_id="turn_1", error="No.", error_code="model_unavailable"))
    assert failed == Counts(turns_failed=1, failures={"model_unavailable": 1})
    assert end(ev.TurnSealed(turn_id="turn_1", reason="budget")) == Counts(turns_failed=1, failures={"budget": 1})
    assert end(ev.TurnCancelled(turn_id="turn_1")) == Counts(turns_cancelled=1)


def test_a_call_counts_its_tokens_and_its_price_if_it_is_known() -> None:
    count_answer(Usage(10, 5, cache_read_tokens=3), retries=2)
    count_answer(Usage(1, 1, estimated_cost_usd=0.0125), retries=0)
    count_failed_call(Usage(2, 3, estimated_cost_usd=0.25), retries=4)
    assert take(counts) == Counts(
        model_calls=2,
        model_failures=1,
        model_retries=6,
        priced_calls=1,
        input_tokens=13,
        output_tokens=9,
        cached_tokens=3,
        cost_microusd=262_500,
    )
