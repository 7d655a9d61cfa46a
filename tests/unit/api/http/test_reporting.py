"""What a front door tells the supervisor."""

import asyncio

import pytest

from api.http import reporting
from api.http.reporting import report
from api.http.sse import Streams
from runtime.core.errors import OverloadedError
from runtime.core.metrics.counts import Counts, take
from runtime.process.metrics import counts
from tests.fakes import FakeOperations


class Restarting(FakeOperations):
    """Hears nothing the first two times; meanwhile one more request fails."""

    def __init__(self) -> None:
        super().__init__()
        self.deaf_for = 2
        self.heard = asyncio.Event()

    async def report(self, front_door: str, counted: Counts | None, streams: int) -> None:
        if self.deaf_for:
            self.deaf_for -= 1
            counts.requests_failed += 1
            raise OverloadedError(1.0, "the supervisor is restarting")
        await super().report(front_door, counted, streams)
        self.heard.set()


async def test_what_nobody_heard_is_told_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "EVERY_S", 0.0)
    take(counts)
    counts.requests_failed += 1
    operations, streams = Restarting(), Streams(per_session=1, total=1)
    with streams.slot("session"):
        telling = asyncio.create_task(report(operations, "door", streams))
        async with asyncio.timeout(10):
            await operations.heard.wait()
        telling.cancel()
    assert operations.reports[0] == ("door", Counts(requests_failed=3), 1)
