"""What a batch costs on a connection, as `python -m loadtests.wire` measures it."""

from loadtests.wire import CONNECTING, WAYS, measure, table

MOST_US = 20.0  # more than pickles in the clear, which they were once


async def test_a_sealed_batch_costs_hardly_more_than_a_pickle_in_the_clear() -> None:
    """Promised: what goes between processes can be read by nobody else, and is as fast as it was."""
    figures = await measure(rounds=5, batches=100)
    assert set(figures) == {"a batch of 1", "a batch of 20", CONNECTING}
    for ways in figures.values():
        assert set(ways) == set(WAYS)
        assert all(spent > 0 for spent in ways.values())
    for what in ("a batch of 1", "a batch of 20"):
        assert figures[what]["msgpack, sealed"] < figures[what]["pickles in the clear"] + MOST_US
    assert len(table(figures).splitlines()) == 2 + len(figures)
