"""Whatever an answer says that it took, it can be counted, told and stored."""

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from runtime.core.message import COST_MOST_USD, NO_USAGE, TOKENS_MOST, Usage
from runtime.core.metrics.counts import take
from runtime.engine.counting import count_answer
from runtime.models.dialects.dialect import Used, Whole
from runtime.models.dialects.reply import reply
from runtime.models.vendors import BY_TYPE
from runtime.process.metrics import counts
from runtime.wire.codec import VITALS, encode
from runtime.wire.protocol import Vitals

VENDOR = BY_TYPE["anthropic"]

numbers = st.integers(-(10**40), 10**40) | st.integers(0, 10_000)
costs = st.none() | st.floats()
told = st.builds(Used, numbers, numbers, numbers, numbers, costs)
usages = st.builds(Usage, numbers, numbers, st.none() | numbers, st.none() | numbers, costs)


def check(usage: Usage) -> None:
    """Assert that it is told from process to process, and read again, as it is counted."""
    take(counts)
    for _ in range(3):
        count_answer(usage, retries=0)
    counted = take(counts)
    (batch,) = encode([Vitals(1, (), counted)])
    (vitals,) = VITALS.decode(bytes(batch))
    assert vitals.counts == counted


@given(told)
@example(Used(output_tokens=10**20, cost_usd=1e300))
@example(Used(input_tokens=-5, output_tokens=-5, cache_read_tokens=-5))
def test_whatever_a_vendor_tells_of_an_answer_is_counted(used: Used) -> None:
    usage = reply(Whole(parts=[], used=used, finish_reason="stop"), VENDOR, VENDOR.default_model, set(), "me").usage
    for number in (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens or 0):
        assert 0 <= number <= TOKENS_MOST
    assert usage.estimated_cost_usd is None or 0 <= usage.estimated_cost_usd < COST_MOST_USD
    assert msgspec.json.decode(msgspec.json.encode(NO_USAGE + usage + usage), type=Usage) == NO_USAGE + usage + usage
    check(usage)


@given(usages)
def test_whatever_else_comes_is_counted_too(usage: Usage) -> None:
    check(usage)
    assert usage.credible.credible == usage.credible
