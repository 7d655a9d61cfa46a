"""The table of what is counted. A field here is all that a new number needs, beside the line that counts it."""

from typing import Annotated, Final, TypeAlias

import msgspec

from runtime.core.metrics.histogram import BUCKETS

CODES_MOST: Final = 64  # kinds of failures that are told apart

Number: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
Code: TypeAlias = Annotated[str, msgspec.Meta(max_length=64)]


class Counts(msgspec.Struct, array_like=True):
    """What happened, as integers that only grow until they are taken away.

    Written by position from process to process and into the database, where older and newer code read it: fields are
    added last, with a default, and none is ever removed. A comment says what one counts.
    """

    turns_completed: Number = 0
    turns_failed: Number = 0
    turns_cancelled: Number = 0  # by a person, or because a new message came
    turn_ms: Number = 0  # how long the completed ones took, together
    model_calls: Number = 0  # that were answered
    model_failures: Number = 0  # that were not, after all attempts
    model_retries: Number = 0
    priced_calls: Number = 0  # of the answered ones, those of which the price is known
    input_tokens: Number = 0
    output_tokens: Number = 0
    cached_tokens: Number = 0  # read from a vendor's cache; not among the input tokens
    cost_microusd: Number = 0
    recoveries: Number = 0  # sessions that went on elsewhere with something unfinished
    quarantines: Number = 0
    actor_deaths: Number = 0  # but for those that were asked to end
    requests_failed: Number = 0  # answered with a 5xx
    first_token: list[Number] = msgspec.field(default_factory=lambda: [0] * BUCKETS)  # of turns, in `BOUNDS_MS`
    failures: dict[Code, Number] = {}  # failed turns by their codes (runtime.core.failure)


_SUMS: Final = tuple(name for name in Counts.__struct_fields__ if name not in {"first_token", "failures"})


def add(counts: Counts, more: Counts) -> None:
    """Count what somebody else has counted."""
    for name in _SUMS:
        setattr(counts, name, getattr(counts, name) + getattr(more, name))
    for bucket, count in enumerate(more.first_token[:BUCKETS]):
        counts.first_token[bucket] += count
    for code, count in more.failures.items():
        if code in counts.failures or len(counts.failures) < CODES_MOST:
            counts.failures[code] = counts.failures.get(code, 0) + count


def take(counts: Counts) -> Counts | None:
    """Return what was counted since the last time, and begin anew; None if that is nothing."""
    if counts == _NOTHING:
        return None
    taken = Counts()
    add(taken, counts)
    for name in _SUMS:
        setattr(counts, name, 0)
    counts.first_token[:] = _NOTHING.first_token
    counts.failures.clear()
    return taken


_NOTHING: Final = Counts()
