"""Many questions, few queries."""

import asyncio
from collections.abc import Sequence

import pytest

from runtime.wire.loader import Loader


class Database:
    """Answers each key with its length, when it is let."""

    def __init__(self) -> None:
        self.queries: list[list[str]] = []
        self.is_open = asyncio.Event()
        self.fault: Exception | None = None

    async def ask(self, keys: Sequence[str]) -> list[int]:
        self.queries.append(list(keys))
        await self.is_open.wait()
        if self.fault is not None:
            raise self.fault
        return [len(key) for key in keys]


async def test_questions_that_come_meanwhile_share_the_next_query() -> None:
    database = Database()
    loader = Loader(database.ask, most=3)
    first = loader.load("a")
    await asyncio.sleep(0)
    others = [loader.load("b" * n) for n in (2, 3, 4, 5)]
    await asyncio.sleep(0)
    database.is_open.set()
    assert await asyncio.gather(first, *others) == [1, 2, 3, 4, 5]
    assert database.queries == [["a"], ["bb", "bbb", "bbbb"], ["bbbbb"]]


async def test_a_query_takes_as_much_as_it_may_weigh_and_one_at_the_least() -> None:
    database = Database()
    database.is_open.set()
    loader = Loader(database.ask, most=5, weigh=len)
    asked = ["a" * n for n in (7, 2, 3, 1, 5, 4, 1)]
    assert await asyncio.gather(*map(loader.load, asked)) == [7, 2, 3, 1, 5, 4, 1]
    assert [[len(key) for key in query] for query in database.queries] == [[7], [2, 3], [1], [5], [4, 1]]


async def test_whoever_asked_hears_of_a_fault_and_the_next_question_is_asked_anew() -> None:
    database = Database()
    database.is_open.set()
    database.fault = OSError("away")
    loader = Loader(database.ask, most=8)
    answers = await asyncio.gather(loader.load("a"), loader.load("b"), return_exceptions=True)
    assert list(answers) == [database.fault, database.fault]
    database.fault = None
    assert await loader.load("ccc") == 3


async def test_who_gives_up_holds_up_nobody() -> None:
    database = Database()
    loader = Loader(database.ask, most=8)
    impatient, patient = loader.load("a"), loader.load("bb")
    await asyncio.sleep(0)
    impatient.cancel()
    database.is_open.set()
    assert await patient == 2
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_nobody_waits_for_a_query_that_is_cancelled() -> None:
    """As when the process is ending."""

    async def query(_: Sequence[str]) -> list[int]:
        raise asyncio.CancelledError

    loader = Loader(query, most=1)
    asked = [loader.load(key) for key in "ab"]
    async with asyncio.timeout(5):
        ended = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(error) for error in ended] == [asyncio.CancelledError] * 2
