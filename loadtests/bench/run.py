"""One run of the benchmark: its sizes, the code under test, and the floors that several groups share."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from loadtests.bench.baton import Baton
from loadtests.client import LOREM, Client, Stream
from loadtests.floors import RayAlone
from loadtests.server import Server

OPENINGS_AT_ONCE: Final = 32

T = TypeVar("T")
Conversation = tuple[str, Stream]


@dataclass(frozen=True)
class Scale:
    """How much of everything. The defaults take five minutes on two quiet cores; `FULL` is what the aims speak of."""

    seconds: float = 6.0
    kills: int = 30
    in_flight: int = 500
    vendor_in_flight: int = 250
    resting: int = 2_000
    turns: int = 300
    listeners: int = 200
    changes: int = 20


FULL: Final = Scale(
    seconds=10.0,
    kills=100,
    in_flight=2_000,
    vendor_in_flight=1_000,
    resting=10_000,
    turns=1_000,
    listeners=1_000,
    changes=100,
)


@dataclass
class Run:
    """What a group of figures is given. `code` is the tree whose server is measured; None: this one.

    `baton` is of a benchmark that is compared to another one, which runs at the same time.
    """

    scale: Scale
    code: Path | None
    progress: Callable[[str], None]
    baton: Baton | None = None
    _ray: RayAlone | None = field(default=None, init=False)

    def server(self, settings: Mapping[str, str] | None = None) -> Server:
        """Return a server of the group's own, not yet started."""
        return Server(self.code, settings)

    async def give_way(self) -> None:
        """Let the benchmark that this one is compared to do as much. To be called between pieces, when all is quiet."""
        if self.baton is not None:
            await self.baton.give_way()

    async def ray(self) -> RayAlone:
        """Return what a bare Ray does here, measured once."""
        if self._ray is None:
            self.progress("floor: Ray alone ...")
            self._ray = await RayAlone.measure()
        return self._ray


def parsed(parser: argparse.ArgumentParser, names: Collection[str], baseline: Path | None = None) -> argparse.Namespace:
    """Return the arguments of a benchmark, after adding where its figures go; `baseline` is what stands beside them."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to a file")
    parser.add_argument("--report", type=Path, metavar="FILE", help="also write the table into a Markdown file")
    parser.add_argument("--baseline", type=Path, default=baseline, metavar="FILE", help="figures to show beside")
    arguments = parser.parse_args()
    if arguments.report and arguments.only != list(names):
        parser.error("--report needs all groups: the table in the file is replaced")
    return arguments


def chosen(text: str, names: Collection[str]) -> list[str]:
    """Read some of the names, separated by commas, in their own order.

    Raises:
        argparse.ArgumentTypeError: there is no such name.
    """
    given = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in given if name not in names]:
        message = f"{', '.join(unknown)}: choose from {', '.join(names)}"
        raise argparse.ArgumentTypeError(message)
    return [name for name in names if name in given]


async def many(count: int, make: Callable[[], Awaitable[T]], at_once: int = OPENINGS_AT_ONCE) -> list[T]:
    """Make many, some at once."""
    gate = asyncio.Semaphore(at_once)

    async def one() -> T:
        async with gate:
            return await make()

    return await asyncio.gather(*(one() for _ in range(count)))


async def conversation(client: Client, model: str = LOREM) -> Conversation:
    """Open a session and its stream."""
    session_id = await client.open_session(model)
    return session_id, await client.listen(session_id)
