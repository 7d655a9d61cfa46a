"""The report of a run: for the terminal, as Markdown, as JSON."""

import json
import os
import platform
from collections import Counter
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from loadtests.chaos.storm import Outcome

FINDINGS_SHOWN: Final = 20
MARK: Final = "<!-- what follows is written by the harness -->"
_HEADER: Final = ("from fault to next event", "n", "p50", "p90", "p99", "max")


def show(outcome: Outcome, out: Console) -> None:
    """Print the tables, and what is wrong if anything is."""
    counts = Table("promise", "broken", title=_title(outcome))
    for promise, count in outcome.counts.items():
        counts.add_row(promise, str(count), style="bold red" if count else None)
    out.print(counts)
    times = Table(*_HEADER)
    for name, cells in _times(outcome):
        times.add_row(name, *cells)
    out.print(times)
    out.print(_volume(outcome))
    for finding in outcome.findings[:FINDINGS_SHOWN]:
        out.print(f"[bold red]{finding.promise}[/]  {finding.session_id}  {finding.what}")
    if len(outcome.findings) > FINDINGS_SHOWN:
        out.print(f"... and {len(outcome.findings) - FINDINGS_SHOWN} more")


def write(outcome: Outcome, path: Path) -> None:
    """Put the report into a file, after what the file says up to the mark."""
    before, mark, _ = path.read_text().partition(MARK) if path.exists() else ("", "", "")
    path.write_text(before + mark + "\n\n" * bool(mark) + markdown(outcome))


def markdown(outcome: Outcome) -> str:
    """Return the report as a document."""
    struck = Counter(str(blow.kind) for blow in outcome.blows)
    lines = [
        f"## {_title(outcome)}",
        "",
        _volume(outcome),
        "",
        f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, shared with the clients.",
        "",
        "| promise | broken |",
        "|---|---|",
        *(f"| {promise} | {count} |" for promise, count in outcome.counts.items()),
        "",
        "| fault | times |",
        "|---|---|",
        *(f"| {kind} | {count} |" for kind, count in struck.most_common()),
        "",
        f"| {' | '.join(_HEADER)} |",
        "|---|---|---|---|---|---|",
        *(f"| {name} | {' | '.join(cells)} |" for name, cells in _times(outcome)),
        "",
    ]
    return "\n".join(lines)


def as_json(outcome: Outcome) -> str:
    """Return everything, for programs."""
    whole = {
        "seed": outcome.seed,
        "took_s": outcome.took_s,
        "kills": _kills(outcome),
        "counts": outcome.counts,
        "recovery_s": {name: quantiles._asdict() for name, quantiles in outcome.recoveries.items()},
        "volume": outcome.volume,
        "faults": [{"kind": b.kind, "at": b.at, "detail": b.detail, "victims": b.victims} for b in outcome.blows],
        "findings": [finding._asdict() for finding in outcome.findings],
    }
    return json.dumps(whole, indent=1) + "\n"


def _title(outcome: Outcome) -> str:
    faults, minutes = len(outcome.blows), outcome.took_s / 60
    return f"{faults} faults, {_kills(outcome)} kills, {minutes:.1f} min, seed {outcome.seed}"


def _kills(outcome: Outcome) -> int:
    return sum(blow.kills for blow in outcome.blows)


def _volume(outcome: Outcome) -> str:
    return "Under load: " + ", ".join(f"{count:,} {what}" for what, count in outcome.volume.items()) + "."


def _times(outcome: Outcome) -> list[tuple[str, list[str]]]:
    return [
        (name, [str(q.n), *(_duration(s) for s in (q.p50, q.p90, q.p99, q.max))])
        for name, q in outcome.recoveries.items()
    ]


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
