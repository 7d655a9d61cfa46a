"""Wherever a stream is cut and however fast it reads, each durable event comes once and in order.

And whoever has all of them sees what is being said.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing

from hypothesis import example, given
from hypothesis import strategies as st

from api.http.sse import Follower, Start
from runtime.core.access.principal import ANONYMOUS, Principal
from runtime.ports.events import Filter
from runtime.ports.gateway import Frame
from runtime.wire.broadcast import Channel, Listener
from runtime.wire.protocol import Watching
from tests.fakes import SESSION_ID, FakeGateway, ListLog
from tests.unit.api.builders import delta, event_id, live, stored

LAST = 12


async def read(log: ListLog, gateway: FakeGateway, after: int, count: int, lost: Sequence[int]) -> list[int]:
    """Read `count` events after a sequence; those not in the log yet come live, except the `lost`."""
    follower = Follower(ANONYMOUS, SESSION_ID, log, gateway, Filter())
    await follower.open(Start(after_sequence=after))
    subscription = gateway.subscriptions[SESSION_ID][-1]
    known = len(log.events)
    frames = [live(n) for n in range(subscription.start_sequence + 1, LAST + 1) if n not in lost]

    async def commit() -> None:
        await asyncio.sleep(0)  # the reader is through with history by then
        log.events.extend(stored(n) for n in range(known + 1, LAST + 1))
        subscription.feed(*frames, delta("x"))

    return (await asyncio.gather(_take(follower, count), commit()))[0]


async def _take(follower: Follower, count: int) -> list[int]:
    seen: list[int] = []
    async with aclosing(follower.chunks()) as chunks:
        async for chunk in chunks:
            seen += map(int, re.findall(rb'"sequence":(\d+)', chunk))
            if len(seen) >= count:
                break
    return seen


@given(
    committed=st.integers(0, LAST - 1),
    behind=st.integers(0, LAST - 1),
    cut=st.integers(1, LAST),
    lost=st.lists(st.integers(1, LAST - 1), max_size=5),
)
def test_every_event_comes_once_and_in_order(committed: int, behind: int, cut: int, lost: list[int]) -> None:
    """`committed` events are in the log when the reader comes; its subscription began `behind` of that."""

    async def check() -> None:
        log, gateway = ListLog(*map(stored, range(1, committed + 1))), FakeGateway()
        gateway.start_sequence = max(0, committed - behind)
        async with asyncio.timeout(5):
            first = await read(log, gateway, 0, cut, lost)
            assert first == list(range(1, len(first) + 1))
            gateway.start_sequence = LAST
            rest = await read(log, gateway, len(first), LAST - len(first), []) if len(first) < LAST else []
        assert first + rest == list(range(1, LAST + 1))

    asyncio.run(check())


class Session:
    """A session as a front door has it: a log, an owner that sends what it commits, and a channel of listeners."""

    def __init__(self) -> None:
        self.log = ListLog()
        self.channel = Channel(SESSION_ID, ANONYMOUS, lambda _: None)
        self.is_owned = True
        self.seen: list[int] = []
        self.deltas: list[bytes] = []
        self._untold: list[Frame] = []
        self._news = asyncio.Condition()
        self._reader: asyncio.Task[None] | None = None

    @property
    def head(self) -> int:
        return len(self.log.events)

    async def subscribe(self, _by: Principal, _session_id: str) -> Listener:
        await asyncio.sleep(0)
        listener = self.channel.add()
        listener.begin(Watching(self.head - len(self._untold), None) if self.is_owned else None)
        return listener

    async def connect(self, start: Start) -> None:
        """Listen anew, as a client that was cut off."""
        await self.cut()
        follower = Follower(ANONYMOUS, SESSION_ID, self.log, self, Filter())  # type: ignore[arg-type]  # it only subscribes
        await follower.open(start)
        self._reader = asyncio.create_task(self._read(follower))

    async def cut(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def _read(self, follower: Follower) -> None:
        async with aclosing(follower.chunks()) as chunks:
            async for chunk in chunks:
                self.seen += map(int, re.findall(rb'"sequence":(\d+)', chunk))
                self.deltas += re.findall(rb'"delta":"(.*?)"', chunk)
                async with self._news:
                    self._news.notify_all()

    async def commit(self, count: int) -> None:
        await self.commit_untold(count)
        await self.tell(count)

    async def commit_untold(self, count: int) -> None:
        """Commit: for a moment others may read what the owner does not know yet to be in the log."""
        if self.is_owned:
            self._untold += self._commit(count)

    async def tell(self, _count: int) -> None:
        untold, self._untold = self._untold, []
        if self.is_owned:
            self.channel.deliver([*untold, delta("more")])

    async def die_unheard(self, count: int) -> None:
        """Commit, and die before a word of it is sent."""
        self._commit(count)
        self._untold = []
        self.is_owned = False
        self.channel.lag()

    async def move(self, _count: int) -> None:
        self._untold = []
        self.is_owned = True
        self.channel.resume(Watching(self.head, delta("so far")))

    async def move_unheard(self, count: int) -> None:
        """Commit, and go on with another owner before a word of it is sent."""
        self._commit(count)
        await self.move(count)

    async def repeat(self, count: int) -> None:
        self.channel.deliver([live(event.sequence) for event in self.log.events[-count:]])

    async def come_back_by_sequence(self, _count: int) -> None:
        await self.connect(Start(after_sequence=len(self.seen)))

    async def come_back_by_id(self, _count: int) -> None:
        await self.connect(Start(since_id=event_id(len(self.seen))))

    async def read(self, count: int) -> None:
        for _ in range(4 * count):
            await asyncio.sleep(0)

    async def read_all(self) -> None:
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(lambda: len(self.seen) >= self.head)

    async def hear(self, _count: int) -> None:
        """See what is said now, over and over, as soon as the reader listens."""
        if not self.is_owned:
            return
        await self.tell(0)
        await self.read_all()
        self.deltas.clear()
        for _ in range(20):
            self.channel.deliver([delta("now")])
            await self.read(3)
            if b"now" in self.deltas:
                return
        message = f"nothing is heard after {self.seen}"
        raise AssertionError(message)

    def _commit(self, count: int) -> list[Frame]:
        numbers = range(self.head + 1, self.head + count + 1)
        self.log.events += map(stored, numbers)
        return [live(number) for number in numbers]


ACTIONS = (
    Session.commit,
    Session.commit_untold,
    Session.tell,
    Session.die_unheard,
    Session.move,
    Session.move_unheard,
    Session.repeat,
    Session.come_back_by_sequence,
    Session.come_back_by_id,
    Session.read,
    Session.hear,
)
Action = Callable[[Session, int], Coroutine[None, None, None]]


# The reader comes between a commit and the owner's hearing of it, and is through with the journal before that.
@example([(Session.commit_untold, 1), (Session.come_back_by_sequence, 1), (Session.read, 3), (Session.hear, 1)])
@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(1, 3)), max_size=40))
def test_wherever_a_session_goes_and_its_clients_are_cut_off_every_event_comes_once(
    actions: list[tuple[Action, int]],
) -> None:
    async def check() -> None:
        session = Session()
        await session.connect(Start(after_sequence=0))
        for action, count in [*actions, (Session.move, 1)]:
            await action(session, count)
            assert session.seen == list(range(1, len(session.seen) + 1))
        await session.read_all()
        assert session.seen == list(range(1, session.head + 1))
        await session.hear(1)
        assert session.seen == list(range(1, session.head + 1))
        await session.cut()

    asyncio.run(check())
