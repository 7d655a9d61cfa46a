"""What moved since a revision, by runs of both at the same time (`make bench-against REV=…`).

    python -m loadtests.compare REV [--rounds 3] [--only turns,kills]

This tree's benchmark runs against servers of both. In each round they go on by turns, piece by piece, so that whatever
else the machine does hits both alike. The exit code is 1 if a figure got worse, or is measured no more.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from loadtests.bench.__main__ import GROUPS, groups
from loadtests.bench.baton import batons
from loadtests.bench.figure import Figure, load
from loadtests.bench.report import number

THRESHOLD: Final = 0.15  # below 20 %, so that a regression of 20 % is seen though noise hides some of it
BEYOND_SPREADS: Final = 2.0
LEAST_ROUNDS: Final = 3
_TREE: Final = Path(__file__).resolve().parents[1]

err = Console(stderr=True, highlight=False)


class Verdict(StrEnum):
    """What became of a figure."""

    SAME = ""
    BETTER = "better"
    WORSE = "WORSE"


@dataclass(frozen=True)
class Movement:
    """A figure's values before and after, round by round.

    Both sides of a round met the same machine, so they are compared as they are: a floor is measured anew in each run,
    and wavers more than what is measured against it.
    """

    name: str
    before: Sequence[float]
    after: Sequence[float]
    is_high_good: bool = False

    @property
    def changes(self) -> list[float]:
        """How much worse it was after than before in each round: 0.2 is 20 % worse."""
        rounds = [pair[::-1] if self.is_high_good else pair for pair in zip(self.before, self.after, strict=True)]
        return [now / was - 1 if was else 0.0 for was, now in rounds]

    @property
    def change(self) -> float:
        """The median of the changes."""
        return median(self.changes)

    @property
    def spread(self) -> float:
        """How far a round's change usually is from the median of all (MAD)."""
        return median(abs(change - self.change) for change in self.changes)

    @property
    def verdict(self) -> Verdict:
        """Moved is what moved by more than the threshold and by far more than rounds differ."""
        if abs(self.change) <= max(THRESHOLD, BEYOND_SPREADS * self.spread):
            return Verdict.SAME
        return Verdict.WORSE if self.change > 0 else Verdict.BETTER


def movements(before: Sequence[Mapping[str, Figure]], after: Sequence[Mapping[str, Figure]]) -> list[Movement]:
    """Compare what every run of both sides has, in the order of the report."""
    runs = [*before, *after]
    return [
        Movement(name, [r[name].value for r in before], [r[name].value for r in after], runs[0][name].is_high_good)
        for name in _shared(runs)
    ]


def _shared(runs: Sequence[Mapping[str, Figure]]) -> list[str]:
    return [name for name in runs[0] if all(name in run for run in runs)] if runs else []


def missing(of: Sequence[Mapping[str, Figure]], beside: Sequence[Mapping[str, Figure]]) -> list[str]:
    """Return what some run of a side lacks though the other side has it in every run."""
    kept = _shared(of)
    return [name for name in _shared(beside) if name not in kept]


@contextmanager
def checked_out(revision: str) -> Iterator[Path]:
    """Have a revision in a folder while the block lasts."""
    with tempfile.TemporaryDirectory(prefix="perdure-compare-") as folder:
        tree = Path(folder) / "tree"
        _git("worktree", "add", "--detach", "--quiet", str(tree), revision)
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str) -> None:
    subprocess.run(["git", "-C", str(_TREE), *arguments], check=True)  # noqa: S603, S607  git is whichever is on the path


def _round(codes: Sequence[Path], folder: Path, options: Sequence[str]) -> list[dict[str, Figure]]:
    """Measure the trees at the same time, and return the figures of each: all but of the groups that failed.

    Raises:
        subprocess.CalledProcessError: one of them could not be measured; what it says is on standard error.
    """
    outs = [folder / f"{side}.json" for side, _ in enumerate(codes)]
    with batons() as ends:
        benches = [_bench(code, out, end, options) for code, out, end in zip(codes, outs, ends, strict=True)]
    try:
        for bench, out in zip(benches, outs, strict=True):
            if bench.wait() and not out.exists():
                raise subprocess.CalledProcessError(bench.returncode, bench.args)
    finally:
        for bench in benches:
            bench.send_signal(signal.SIGINT)
            bench.wait()
    return [load(out) for out in outs]


def _bench(code: Path, out: Path, baton: tuple[int, int], options: Sequence[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "loadtests.bench", "--code", str(code), "--json", str(out), *options]
    return subprocess.Popen(  # noqa: S603  our own module
        [*command, "--baton", *map(str, baton)], pass_fds=baton, cwd=_TREE, stdout=subprocess.DEVNULL
    )


def show(moved: Sequence[Movement], revision: str) -> None:
    """Print every figure's medians, and what moved."""
    table = Table("median", revision, "this tree", "change", "spread", "")
    for each in moved:
        cells = number(median(each.before)), number(median(each.after)), f"{each.change:+.0%}", f"{each.spread:.0%}"
        table.add_row(each.name, *cells, each.verdict)
    Console(width=130).print(table)


def main() -> None:
    """Run both, compare, and say by the exit code whether something got worse."""
    arguments, options = _arguments()
    before: list[dict[str, Figure]] = []
    after: list[dict[str, Figure]] = []
    with checked_out(arguments.revision) as tree:
        for number_of_round in range(1, arguments.rounds + 1):
            err.print(f"round {number_of_round} of {arguments.rounds}")
            with tempfile.TemporaryDirectory(prefix="perdure-figures-") as folder:
                was, now = _round((tree, _TREE), Path(folder), ["--only", ",".join(arguments.only), *options])
            before.append(was)
            after.append(now)
    moved = movements(before, after)
    show(moved, arguments.revision)
    if unknown := missing(before, after):
        err.print(f"not compared, for {arguments.revision} cannot be measured so: {', '.join(unknown)}")
    if lost := missing(after, before):
        err.print(f"measured no more, for this tree fails: {', '.join(lost)}")
    sys.exit(bool(lost) or any(each.verdict is Verdict.WORSE for each in moved))


def rounds(text: str) -> int:
    """Read a number of rounds.

    Raises:
        argparse.ArgumentTypeError: so few say nothing of how much runs of one side differ.
    """
    count = int(text)
    if count < LEAST_ROUNDS:
        message = f"at least {LEAST_ROUNDS}"
        raise argparse.ArgumentTypeError(message)
    return count


def _arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Other options go to the benchmark: see python -m loadtests.bench --help.",
    )
    parser.add_argument("revision", help="what to compare this tree to: anything that git knows")
    parser.add_argument("--rounds", type=rounds, default=LEAST_ROUNDS, help="how often (default 3, the least)")
    parser.add_argument("--only", type=groups, default=list(GROUPS), help=f"groups of figures: {', '.join(GROUPS)}")
    return parser.parse_known_args()


if __name__ == "__main__":
    main()
