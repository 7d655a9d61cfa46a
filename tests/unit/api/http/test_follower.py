import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from api.http.sse import PAGE, Follower, Start
from runtime.core.access.principal import ANONYMOUS
from runtime.core.errors import NotFoundError
from runtime.ports.events import Filter, StoredEvent
from tests.fakes import SESSION_ID, FakeGateway, ListLog, ManualSubscription
from tests.unit.api.builders import delta, event_id, live, stored

EVERYTHING = Start(after_sequence=0)


class Reader:
    """Collects what a follower yields, one frame at a time: sequences as numbers, deltas as their text."""

    def __init__(self, log: ListLog, gateway: FakeGateway, chosen: Filter | None = None) -> None:
        self.follower = Follower(ANONYMOUS, SESSION_ID, log, gateway, chosen or Filter())
        self._chunks: AsyncIterator[bytes] | None = None
        self.seen: list[int | str] = []

    async def open(self, start: Start = EVERYTHING) -> None:
        await self.follower.open(start)
        self._chunks = self.follower.chunks()

    async def read(self, count: int) -> list[int | str]:
        """Read until `count` frames were seen in all."""
        assert self._chunks is not None
        async with asyncio.timeout(5):
            while len(self.seen) < count:
                chunk = (await anext(self._chunks)).decode()
                for sequence, text in re.findall(r'"sequence":(\d+)|"delta":"(.*?)"', chunk):
                    self.seen.append(int(sequence) if sequence else text)
        return self.seen


def subscription(gateway: FakeGateway, number: int = 0) -> ManualSubscription:
    return gateway.subscriptions[SESSION_ID][number]


async def test_history_comes_before_live_frames_without_gap_or_repeat() -> None:
    gateway, log = FakeGateway(), ListLog(*map(stored, range(1, 4)))
    reader = Reader(log, gateway)
    gateway.start_sequence = 3
    await reader.open()
    subscription(gateway).feed(live(4), live(5))
    assert await reader.read(5) == [1, 2, 3, 4, 5]


async def test_history_goes_on_where_less_than_a_page_is_read_at_once() -> None:
    gateway, log = FakeGateway(), ListLog(*map(stored, range(1, 6)))
    log.fitting = 2
    gateway.start_sequence = 5
    reader = Reader(log, gateway)
    await reader.open()
    subscription(gateway).feed(live(6))
    assert await reader.read(6) == [1, 2, 3, 4, 5, 6]


async def test_live_frames_that_history_already_holds_are_not_sent_again() -> None:
    gateway, log = FakeGateway(), ListLog(*map(stored, range(1, 6)))
    gateway.start_sequence = 3
    reader = Reader(log, gateway)
    await reader.open()
    subscription(gateway).feed(live(4), live(5), live(6))
    assert await reader.read(6) == [1, 2, 3, 4, 5, 6]


async def test_hole_between_live_frames_is_filled_from_the_journal() -> None:
    gateway, log = FakeGateway(), ListLog(stored(1))
    gateway.start_sequence = 1
    reader = Reader(log, gateway)
    await reader.open()
    await reader.read(1)
    log.events.extend(map(stored, range(2, 5)))
    subscription(gateway).feed(live(5))
    assert await reader.read(5) == [1, 2, 3, 4, 5]


async def test_history_of_several_pages_is_read_whole() -> None:
    gateway, log = FakeGateway(), ListLog(*map(stored, range(1, 2 * PAGE + 2)))
    gateway.start_sequence = 2 * PAGE + 1
    reader = Reader(log, gateway)
    await reader.open()
    assert await reader.read(2 * PAGE + 1) == list(range(1, 2 * PAGE + 2))
    subscription(gateway).feed(live(2 * PAGE + 2))
    await reader.read(2 * PAGE + 2)
    assert subscription(gateway).reader_at == 2 * PAGE + 1


async def test_deltas_go_out_in_their_place() -> None:
    gateway, log = FakeGateway(), ListLog(stored(1))
    gateway.start_sequence = 1
    reader = Reader(log, gateway)
    await reader.open()
    subscription(gateway).feed(delta("a"), delta("b"), live(2), delta("c"))
    assert await reader.read(5) == [1, "a", "b", 2, "c"]


async def test_deltas_of_a_message_that_history_holds_whole_are_dropped() -> None:
    gateway, log = FakeGateway(), ListLog(*map(stored, range(1, 5)))
    gateway.start_sequence = 2
    reader = Reader(log, gateway)
    await reader.open()
    subscription(gateway).feed(delta("old"), live(3), delta("old too"), live(4), delta("new"))
    assert await reader.read(5) == [1, 2, 3, 4, "new"]


async def test_late_joiner_gets_the_message_so_far_after_history() -> None:
    gateway, log = FakeGateway(), ListLog(stored(1), stored(2))
    gateway.start_sequence, gateway.partial = 2, delta("all so far")
    reader = Reader(log, gateway)
    await reader.open()
    assert await reader.read(3) == [1, 2, "all so far"]


async def test_partial_that_history_has_overtaken_is_not_sent() -> None:
    gateway, log = FakeGateway(), ListLog(stored(1), stored(2))
    gateway.start_sequence, gateway.partial = 1, delta("stale")
    reader = Reader(log, gateway)
    await reader.open()
    subscription(gateway).feed(live(2), live(3))
    assert await reader.read(3) == [1, 2, 3]


async def test_reader_that_lagged_goes_on_from_the_journal() -> None:
    gateway, log = FakeGateway(), ListLog(stored(1))
    gateway.start_sequence = 1
    reader = Reader(log, gateway)
    await reader.open()
    await reader.read(1)
    log.events.extend(map(stored, range(2, 6)))
    gateway.start_sequence = 5
    subscription(gateway).drop()
    assert await reader.read(5) == [1, 2, 3, 4, 5]
    subscription(gateway, 1).feed(live(6))
    assert await reader.read(6) == [1, 2, 3, 4, 5, 6]
    assert subscription(gateway).is_closed


async def test_without_a_cursor_reading_starts_at_the_newest_user_message() -> None:
    log = ListLog(stored(1, "input.message"), stored(2), stored(3, "input.message"), stored(4))
    gateway = FakeGateway()
    gateway.start_sequence = 4
    reader = Reader(log, gateway)
    await reader.open(Start())
    assert await reader.read(2) == [3, 4]


async def test_without_cursor_and_message_reading_starts_live() -> None:
    gateway, log = FakeGateway(), ListLog(stored(1))
    gateway.start_sequence = 1
    reader = Reader(log, gateway)
    await reader.open(Start())
    subscription(gateway).feed(live(2))
    assert await reader.read(1) == [2]


async def test_event_between_looking_and_listening_is_not_lost() -> None:
    gateway, log = FakeGateway(), ListLog()
    reader = Reader(log, gateway)
    await reader.open(Start())
    log.events.append(stored(1, "input.message"))  # committed before the subscription began, unseen by the look
    subscription(gateway).start_sequence = 1
    subscription(gateway).feed(live(2))
    assert await reader.read(2) == [1, 2]


@pytest.mark.parametrize(("cursor", "expected"), [(1, [2, 3]), (2, [3])])
async def test_since_id_goes_on_after_that_event(cursor: int, expected: list[int]) -> None:
    gateway, log = FakeGateway(), ListLog(*map(stored, range(1, 4)))
    reader = Reader(log, gateway)
    await reader.open(Start(since_id=event_id(cursor)))
    assert await reader.read(len(expected)) == expected


async def test_since_id_of_an_event_that_was_never_stored_is_resolved_by_order() -> None:
    gateway, log = FakeGateway(), ListLog(*map(stored, range(1, 4)))
    reader = Reader(log, gateway)
    between = event_id(2)[:-1] + "1"
    await reader.open(Start(since_id=between))
    assert await reader.read(1) == [3]


async def test_filters_choose_types_in_history_and_live() -> None:
    log = ListLog(stored(1, "turn.started"), stored(2, "reason.started"))
    gateway = FakeGateway()
    gateway.start_sequence = 2
    chosen = Filter(types=frozenset({"turn.started", "turn.completed"}), exclude=frozenset({"turn.started"}))
    reader = Reader(log, gateway, chosen)
    await reader.open()
    subscription(gateway).feed(live(3, "reason.completed"), delta("x"), live(4, "turn.completed"))
    assert await reader.read(1) == [4]


async def test_types_of_a_newer_server_stay_hidden() -> None:
    gateway, log = FakeGateway(), ListLog(stored(1, "dream.started"), stored(2))
    reader = Reader(log, gateway)
    await reader.open()
    assert await reader.read(1) == [2]


async def test_unknown_session_is_refused_before_anything_is_sent() -> None:
    follower = Follower(ANONYMOUS, "session_" + "6" * 32, ListLog(), FakeGateway(), Filter())
    with pytest.raises(NotFoundError):
        await follower.open(Start())


def test_stored_event_knows_its_id() -> None:
    assert stored(7).id == event_id(7)
    assert StoredEvent(1, "turn.started", stored(1).body).id.startswith("event_")
