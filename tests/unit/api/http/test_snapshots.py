"""Many watch the cluster, and one looks."""

import asyncio

import pytest

from api.http import snapshots
from api.http.snapshots import Snapshots, Watcher
from api.http.sse import sse


class Cluster:
    """Counts how often it is looked at; `go_on` lets a look end."""

    def __init__(self) -> None:
        self.looks = 0
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def look(self) -> bytes:
        self.looks += 1
        await self.go_on.wait()
        return b'{"look":%d}' % self.looks


def frame(number: int) -> bytes:
    return sse("snapshot", None, b'{"look":%d}' % number)


async def test_all_who_watch_share_one_look() -> None:
    cluster = Cluster()
    shared = Snapshots(cluster.look)
    found = await asyncio.gather(*(shared.after(0) for _ in range(20)))
    assert set(found) == {(1, frame(1))}
    assert cluster.looks == 1


async def test_who_comes_later_is_shown_at_once_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "EVERY_S", 3600.0)
    cluster = Cluster()
    shared = Snapshots(cluster.look)
    await shared.after(0)
    waiting = asyncio.create_task(shared.after(1))
    async with asyncio.timeout(10):
        assert await shared.after(0) == (1, frame(1))
    waiting.cancel()
    assert cluster.looks == 1


async def test_when_the_one_who_looks_leaves_another_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "EVERY_S", 0.0)
    cluster = Cluster()
    cluster.go_on.clear()
    shared = Snapshots(cluster.look)
    first, second = (asyncio.create_task(shared.after(0)) for _ in range(2))
    async with asyncio.timeout(10):
        while cluster.looks == 0:  # noqa: ASYNC110  a turn of the loop or two
            await asyncio.sleep(0)
        first.cancel()
        cluster.go_on.set()
        assert await second == (1, frame(2))


async def test_nobody_is_shown_what_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "EVERY_S", -1.0)  # whatever was seen is older than that
    cluster = Cluster()
    shared = Snapshots(cluster.look)
    await shared.after(0)
    assert await shared.after(0) == (2, frame(2))


async def test_a_watcher_is_shown_one_snapshot_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "EVERY_S", 0.01)
    chunks = Watcher(Snapshots(Cluster().look)).chunks()
    assert [await anext(chunks) for _ in range(3)] == [frame(1), frame(2), frame(3)]
    await chunks.aclose()
