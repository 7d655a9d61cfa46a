"""Service levels: what a run must keep to pass, what it measured, and the verdict. Reads locust's table only."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from rich.console import Console
from rich.table import Table

from loadtests.meter import (
    DELTA_GAP,
    FIRST_TOKEN,
    GAP,
    OVERLOAD,
    OWN_TYPES,
    REPEAT,
    TRUNCATION,
    TURN_END,
    Row,
)


class Entry(Protocol):
    """What is read of a row of locust's table."""

    num_requests: int
    num_failures: int

    def get_response_time_percentile(self, percent: float) -> float:
        """Return the milliseconds that this share of the requests stayed within."""
        ...


Entries = Mapping[tuple[str, str], Entry]  # by name and type, as locust has them
Measure = Callable[[Entries], float | None]


@dataclass(frozen=True)
class Level:
    """One promise to users. `measure` returns None when the run had nothing to measure."""

    name: str
    measure: Measure
    unit: str
    at_most: float = 0.0
    option: str | None = None
    """The command line option that sets it; without one it always stays as it is."""


@dataclass(frozen=True)
class Verdict:
    """A level, what was allowed and what was measured."""

    level: Level
    allowed: float
    measured: float | None

    @property
    def is_met(self) -> bool:
        """Whether it was kept. What was never measured was never broken."""
        return self.measured is None or self.measured <= self.allowed


def percentile(row: Row, share: float) -> Measure:
    """Measure a row's times."""

    def measure(entries: Entries) -> float | None:
        entry = entries.get((row.name, row.type))
        return entry.get_response_time_percentile(share) if entry and entry.num_requests else None

    return measure


def count(row: Row) -> Measure:
    """Measure how often something happened that should not."""
    return lambda entries: float(_failures(entries, row))


def error_share(entries: Entries) -> float | None:
    """Failed requests and turns among all of them; those that overload explains are counted apart."""
    counted = [*_http(entries), *(entry for (_, kind), entry in entries.items() if kind == TURN_END.type)]
    failed = sum(entry.num_failures for entry in counted) - _failures(entries, OVERLOAD)
    return _share(failed, sum(entry.num_requests for entry in counted))


def overload_share(entries: Entries) -> float | None:
    """Requests answered with 429 or 503 among all requests."""
    return _share(_failures(entries, OVERLOAD), sum(entry.num_requests for entry in _http(entries)))


LEVELS: Final = (
    Level("first token p50", percentile(FIRST_TOKEN, 0.50), "ms", 500, "max-first-token-p50-ms"),
    Level("first token p95", percentile(FIRST_TOKEN, 0.95), "ms", 1_000, "max-first-token-p95-ms"),
    Level("turn end p95", percentile(TURN_END, 0.95), "ms", 5_000, "max-turn-p95-ms"),
    Level("gap between deltas p99", percentile(DELTA_GAP, 0.99), "ms", 1_000, "max-delta-gap-p99-ms"),
    Level("error share", error_share, "", 0.01, "max-error-share"),
    Level("429/503 share", overload_share, "", 0.05, "max-overload-share"),
    Level("stream truncations", count(TRUNCATION), ""),
    Level("sequence gaps", count(GAP), ""),
    Level("sequence repeats", count(REPEAT), ""),
)


def add_options(parser: ArgumentParser) -> None:
    """Let each level that has an option be set on the command line."""
    for level in LEVELS:
        if level.option is not None:
            about = f"service level: {level.name} at most" + (f", in {level.unit}" if level.unit else ", 0 to 1")
            parser.add_argument(f"--{level.option}", type=float, default=level.at_most, metavar="N", help=about)


def judge(entries: Entries, options: Namespace) -> list[Verdict]:
    """Hold a run against its levels."""
    return [Verdict(level, _allowed(level, options), level.measure(entries)) for level in LEVELS]


def passes(entries: Entries, verdicts: Sequence[Verdict]) -> bool:
    """Whether a run did anything at all, and kept every level."""
    did_something = any(entry.num_requests for entry in _http(entries))
    return did_something and all(verdict.is_met for verdict in verdicts)


def show(verdicts: Sequence[Verdict], console: Console, *, is_passed: bool) -> None:
    """Print the report."""
    table = Table("service level", "allowed", "measured", "", title="Service levels")
    for verdict in verdicts:
        measured = "not measured" if verdict.measured is None else _figure(verdict.measured, verdict.level.unit)
        mark = "-" if verdict.measured is None else ("pass" if verdict.is_met else "FAIL")
        table.add_row(verdict.level.name, f"<= {_figure(verdict.allowed, verdict.level.unit)}", measured, mark)
    console.print(table)
    console.print(f"The run {'passes' if is_passed else 'FAILS'}.")


def _allowed(level: Level, options: Namespace) -> float:
    return level.at_most if level.option is None else float(getattr(options, level.option.replace("-", "_")))


def _figure(value: float, unit: str) -> str:
    return f"{value:.4g} {unit}".rstrip() if value < 1 else f"{value:,.0f} {unit}".rstrip()


def _http(entries: Entries) -> Iterator[Entry]:
    return (entry for (_, kind), entry in entries.items() if kind not in OWN_TYPES)


def _failures(entries: Entries, row: Row) -> int:
    entry = entries.get((row.name, row.type))
    return entry.num_failures if entry else 0


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
