"""What a big cluster asks of its supervisor and its database, played on one machine (`make bench-cluster`).

    python -m loadtests.cluster [--small] [--only placing,death] [--doors 50] [--json FILE]

The supervisor, the doors' gateways, the server behind HTTP and Postgres are real; Ray and session actors are played, by
processes that share the machine.
"""

import argparse
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields, replace
from typing import Final

import uvloop
from rich.console import Console

from loadtests.bench import report
from loadtests.bench.figure import Figure, load, save
from loadtests.bench.run import chosen, parsed
from loadtests.cluster import death, news, placing, reads, restart, resting
from loadtests.cluster.cluster import Cluster
from loadtests.cluster.plan import SMALL, Scale

GROUPS: Final[Mapping[str, Callable[[Cluster], Awaitable[list[Figure]]]]] = {
    "resting": resting.measure,
    "news": news.measure,
    "death": death.measure,
    "restart": restart.measure,
    "placing": placing.measure,  # after what it would hold up: a supervisor that is too slow has its questions left
    "reads": reads.measure,
}
MARK: Final = "cluster figures"

err = Console(stderr=True, highlight=False)


def groups(text: str) -> list[str]:
    """Read names of groups. Raises argparse.ArgumentTypeError if there is no such group."""
    return chosen(text, GROUPS)


async def measure(scale: Scale, names: list[str], progress: Callable[[str], None]) -> list[Figure]:
    """Measure some groups of figures, one after the other, on one cluster."""
    figures: list[Figure] = []
    async with Cluster.playing(scale, progress) as cluster:
        for name in names:
            began = time.perf_counter()
            measured = await GROUPS[name](cluster)
            cluster.check()
            for figure in measured:
                progress(f"    {figure.name}: {report.number(figure.value)} {figure.unit}")
            progress(f"{name}: done in {time.perf_counter() - began:.0f} s")
            figures += measured
    return figures


def main() -> None:
    """Measure and report."""
    arguments = _arguments()
    given = {size.name: getattr(arguments, size.name) for size in fields(Scale)}
    scale = replace(SMALL if arguments.small else Scale(), **{k: v for k, v in given.items() if v is not None})
    figures = uvloop.run(measure(scale, arguments.only, err.print))
    if arguments.json:
        save(figures, arguments.json)
    if arguments.report:
        report.write(figures, arguments.report, report.circumstances(), MARK)
    report.show(figures, load(arguments.baseline) if arguments.baseline else {}, "A big cluster, played here")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.cluster", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", type=groups, default=list(GROUPS), help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--small", action="store_true", help="sizes for trying out, a minute")
    for size in fields(Scale):
        small = getattr(SMALL, size.name)
        parser.add_argument(
            f"--{size.name.replace('_', '-')}",
            type=type(size.default),
            help=f"{size.default:g}; with --small {small:g}",
        )
    return parsed(parser, GROUPS)


if __name__ == "__main__":
    main()
