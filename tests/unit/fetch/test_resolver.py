"""Names that nobody answers hold up nobody but whoever asks for them."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from runtime.core.errors import ForbiddenError
from runtime.fetch.lookups import MOST_OF_ONE, PATIENCE_S, Found
from runtime.fetch.resolver import JudgingResolver
from runtime.process.behalf import ON_BEHALF_OF

PUBLIC = "93.184.216.34"


class Names:
    """A system's lookups: `slow` names are not answered before `answer` is set."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.begun = threading.Semaphore(0)  # as often as a lookup began
        self.answer = threading.Event()
        self.address = PUBLIC

    def __call__(self, host: str, *_rest: Any) -> list[Found]:
        self.asked[host] += 1
        self.begun.release()
        if host.startswith("slow"):
            self.answer.wait(10)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.address, 0))]


@pytest.fixture
async def names() -> AsyncIterator[Names]:
    names = Names()
    yield names
    names.answer.set()


async def found(resolver: JudgingResolver, host: str) -> list[tuple[str, int]]:
    return [(result["host"], result["port"]) for result in await resolver.resolve(host, 443)]


async def of(org_id: str, resolver: JudgingResolver, host: str) -> list[tuple[str, int]]:
    """Resolve in a task of an organisation."""
    ON_BEHALF_OF.set(org_id)
    return await found(resolver, host)


async def test_a_name_is_looked_up_once_for_all_who_wait_and_again_for_who_comes_later(names: Names) -> None:
    resolver = JudgingResolver((), names, PATIENCE_S)
    waiting = [asyncio.create_task(found(resolver, "slow.example")) for _ in range(20)]
    await asyncio.to_thread(names.begun.acquire)
    waiting[0].cancel()
    await asyncio.sleep(0)
    names.answer.set()
    assert await asyncio.gather(*waiting[1:]) == [[(PUBLIC, 443)]] * 19
    assert names.asked == {"slow.example": 1}
    names.address = "127.0.0.1"
    with pytest.raises(ForbiddenError):
        await found(resolver, "slow.example")
    await resolver.close()


async def test_a_name_that_is_not_answered_is_given_up_and_holds_one_thread_however_often_it_is_asked_for(
    names: Names,
) -> None:
    resolver = JudgingResolver((), names, 0.05)
    for _ in range(20):
        with pytest.raises(TimeoutError):
            await found(resolver, "slow.example")
    await asyncio.to_thread(names.begun.acquire)
    assert names.asked == {"slow.example": 1}
    await resolver.close()


async def test_names_of_one_organisation_that_are_not_answered_do_not_hold_up_another(names: Names) -> None:
    resolver = JudgingResolver((), names, PATIENCE_S)
    hung = [asyncio.create_task(of("theirs", resolver, f"slow{n}.example")) for n in range(70)]
    for _ in range(MOST_OF_ONE):
        await asyncio.to_thread(names.begun.acquire)
    async with asyncio.timeout(PATIENCE_S / 2):
        assert await asyncio.create_task(of("ours", resolver, "quick.example")) == [(PUBLIC, 443)]
    assert names.asked.total() == MOST_OF_ONE + 1
    names.answer.set()
    assert await asyncio.gather(*hung) == [[(PUBLIC, 443)]] * 70
    await resolver.close()
