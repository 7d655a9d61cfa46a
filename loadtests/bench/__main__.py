"""Speed of whole turns, each figure beside the floor of this machine in the same run (`make bench`).

    python -m loadtests.bench [--only turns,kills] [--full] [--json FILE]

The client shares the machine with the server, so its cost is in every figure.
"""

import argparse
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console

from loadtests.bench import age, change, crowd, kills, readers, report, start, turns, vendor
from loadtests.bench.baton import Baton
from loadtests.bench.figure import Figure, load, save
from loadtests.bench.run import FULL, Run, Scale, chosen, parsed

GROUPS: Final[Mapping[str, Callable[[Run], Awaitable[list[Figure]]]]] = {
    "start": start.measure,
    "turns": turns.measure,
    "vendor": vendor.measure,
    "long": age.long_session,
    "revival": age.revival,
    "readers": readers.measure,
    "flight": crowd.in_flight,
    "resting": crowd.resting,
    "kills": kills.measure,
    "change": change.measure,
}
BASELINE: Final = Path(__file__).resolve().parents[1] / "baseline.json"

err = Console(stderr=True, highlight=False)


def groups(text: str) -> list[str]:
    """Read names of groups. Raises argparse.ArgumentTypeError if there is no such group."""
    return chosen(text, GROUPS)


async def measure(run: Run, names: list[str]) -> tuple[list[Figure], list[str]]:
    """Run some groups, one after the other, each on a server of its own.

    Returns:
        The figures, and the names of the groups that failed; why they did has been reported.
    """
    figures: list[Figure] = []
    failed: list[str] = []
    if run.baton is not None:
        await run.baton.take()
    for name in names:
        await run.give_way()
        began = time.perf_counter()
        try:
            figures += await GROUPS[name](run)
        except Exception:  # noqa: BLE001  minutes of other figures are not lost with it, and the exit code tells
            run.progress(traceback.format_exc())
            failed.append(name)
        run.progress(f"{name}: {'FAILED' if name in failed else 'done'} in {time.perf_counter() - began:.0f} s")
    return figures, failed


def main() -> None:
    """Measure and report. The exit code is 1 if a group failed."""
    arguments = _arguments()
    scale = FULL if arguments.full else Scale()
    given = {name: value for name, value in vars(arguments).items() if name in _sizes() and value is not None}
    run = Run(replace(scale, **given), arguments.code, err.print, arguments.baton and Baton(*arguments.baton))
    figures, failed = uvloop.run(measure(run, arguments.only))
    if arguments.json:
        save(figures, arguments.json)
    if arguments.report and not failed:
        report.write(figures, arguments.report, report.circumstances())
    report.show(figures, load(arguments.baseline))
    if failed:
        sys.exit(f"not measured: {', '.join(failed)}")


def _sizes() -> dict[str, type]:
    return {field.name: type(field.default) for field in fields(Scale)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", type=groups, default=list(GROUPS), help=f"groups of figures: {', '.join(GROUPS)}")
    parser.add_argument("--full", action="store_true", help="sizes that the aims speak of, instead of smaller ones")
    for name, kind in _sizes().items():
        default, full = getattr(Scale(), name), getattr(FULL, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help=f"{default:g}; with --full {full:g}")
    parser.add_argument("--code", type=Path, metavar="DIR", help="the tree whose server is measured, instead of this")
    # Two open file descriptors, from whoever compares two runs: by which the baton comes, and by which it goes.
    parser.add_argument("--baton", type=int, nargs=2, help=argparse.SUPPRESS)
    return parsed(parser, GROUPS, BASELINE)


if __name__ == "__main__":
    main()
