"""The figures as a table, in a terminal beside an earlier run, and in `docs/benchmarks.md`."""

import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil
from rich.console import Console
from rich.table import Table

from loadtests.bench.figure import Figure

WIDTH: Final = 150
HEAD: Final = ("figure", "value", "floor", "ratio")
LARGE: Final = 100


def show(figures: Sequence[Figure], earlier: Mapping[str, Figure], title: str = "Perdure, client included") -> None:
    """Print the table; beside today's the ratio (or value) that `earlier` has for a figure."""
    table = Table(*HEAD, "baseline", "aim", "", title=title)
    for figure in figures:
        table.add_row(*_cells(figure), _earlier(figure, earlier.get(figure.name)), _aim(figure), _verdict(figure))
    Console(width=WIDTH).print(table)


def circumstances() -> str:
    """Say when and on what this runs: day (UTC), cores, memory, Python."""
    day = datetime.now(UTC).date().isoformat()
    memory_gb = psutil.virtual_memory().total / 1e9
    return f"{day} on {os.cpu_count()} cores with {memory_gb:.0f} GB, Python {platform.python_version()}"


def write(figures: Sequence[Figure], path: Path, when_and_where: str, mark: str = "figures") -> None:
    """Put the figures between the marks of a Markdown file: those with an aim, then the others.

    Raises:
        ValueError: the file has no such marks.
    """
    aimed = [(*_cells(figure), _aim(figure), _verdict(figure)) for figure in figures if figure.aim]
    others = [_cells(figure) for figure in figures if not figure.aim]
    lines = [f"Measured {when_and_where}.", "", *_markdown((*HEAD, "aim", ""), aimed), "", *_markdown(HEAD, others)]
    place = re.compile(rf"(?<=<!-- {mark} -->\n).*?(?=<!-- end of {mark} -->)", re.DOTALL)
    text, count = place.subn(lambda _: "\n".join(lines) + "\n", path.read_text())
    if not count:
        message = f"{path} has no place for figures"
        raise ValueError(message)
    path.write_text(text)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def number(value: float) -> str:
    """Return a number in about three digits."""
    if abs(value) >= LARGE:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"


def _cells(figure: Figure) -> tuple[str, str, str, str]:
    floor = f"{number(figure.floor.value)} ({figure.floor.what})" if figure.floor else ""
    return figure.name, f"{number(figure.value)} {figure.unit}".strip(), floor, _ratio(figure)


def _ratio(figure: Figure) -> str:
    return "" if figure.ratio is None else f"{figure.ratio:.2f}"


def _earlier(figure: Figure, before: Figure | None) -> str:
    if before is None:
        return ""
    return _ratio(before) if figure.ratio is not None and before.ratio is not None else number(before.value)


def _aim(figure: Figure) -> str:
    if figure.aim is None:
        return ""
    sign = "≥" if figure.is_high_good and not figure.aim.of_ratio else "≤"
    return f"{sign} {number(figure.aim.limit)}" + (" (ratio)" if figure.aim.of_ratio else "")


def _verdict(figure: Figure) -> str:
    return {None: "", True: "met", False: "not met"}[figure.is_met]
