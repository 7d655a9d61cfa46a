"""The front doors, as the supervisor knows them: each hears of every change of placement."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final

from runtime.core.placement.directory import Placement
from runtime.ports.gateway import ActorInfo
from runtime.wire.outbox import Outbox

NEWS_LIMIT: Final = 1_000_000


class Doors:
    """Belongs to one event loop. `addressed` adds to a placement where its actor is reached."""

    def __init__(self, addressed: Callable[[Placement], Placement]) -> None:
        self._addressed = addressed
        self._doors: dict[str, tuple[ActorInfo, Outbox[list[Placement]]]] = {}

    def infos(self) -> list[ActorInfo]:
        """Return those that listen."""
        return [info for info, _ in self._doors.values()]

    def announce(self, placements: Sequence[Placement]) -> None:
        """Tell all of them where sessions live now."""
        if placements:
            news = [self._addressed(placement) for placement in placements]
            for _, box in self._doors.values():
                box.put(news)

    async def watch(self, info: ActorInfo) -> AsyncGenerator[list[Placement], None]:
        """Yield every change from now on, in batches; first an empty one."""
        box: Outbox[list[Placement]] = Outbox(NEWS_LIMIT)
        self._doors[info.name] = (info, box)
        try:
            yield []
            while not box.is_closed:
                yield [placement for news in await box.take() for placement in news]
        finally:
            if self._doors.get(info.name, (None, None))[1] is box:
                del self._doors[info.name]

    def forget(self, is_gone: Callable[[str], bool]) -> list[str]:
        """Tell nothing more to those that are gone, and return their names.

        Their stream is left hanging: one that ends has Ray wait for its reader, and all of the supervisor with it.
        """
        gone = [name for name in self._doors if is_gone(name)]
        for name in gone:
            del self._doors[name]
        return gone
