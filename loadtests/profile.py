"""Where a turn's CPU goes: samples of every process of a server while users talk, by layer (docs/profile.md).

    python -m loadtests.profile [--users 64] [--seconds 15] [--code FOLDER] [--report FILE.md]

py-spy looks at what each Python thread does a hundred times a second. A sample belongs to the layer of its innermost
frame: a package, or Python's own library. What a process used beyond its Python threads is native: Ray's gRPC threads,
or all of Postgres.
"""

import argparse
import asyncio
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop

from loadtests.bench.talk import Talk, conversations, talk
from loadtests.client import Client
from loadtests.server import Server

PY_SPY: Final = Path(sys.executable).with_name("py-spy")
RATE_HZ: Final = 100
SHOWN_MS: Final = 0.01  # a turn; what is less goes together
START_S: Final = 1.0  # of py-spy itself
WAITING: Final = re.compile(
    r"/(threading|selectors|queue|concurrent/futures/thread)\.py:"
)  # py-spy takes some for busy
OURS: Final = ("runtime", "actors", "api")
MARK: Final = "<!-- profile -->"
END: Final = "<!-- end of profile -->"


@dataclass(frozen=True)
class Profile:
    """Milliseconds of CPU a turn: of all that a kind of process used, and of its Python threads by layer."""

    turns_per_s: float
    total_ms: Mapping[str, float]
    layers_ms: Mapping[str, Mapping[str, float]]


async def measure(users: int, seconds: float, code: Path | None) -> Profile:
    """Let users talk to a fresh server, and look at it meanwhile."""
    async with Server(code) as server, Client(server.url) as client, conversations(client, users) as opened:
        await talk(client, opened, START_S)
        before = await server.usage()
        with tempfile.TemporaryDirectory() as folder:
            pids = {kind: pids for kind, pids in server.processes().items() if kind in ("front door", "actors")}
            sampling = [
                asyncio.create_task(_sample(pid, seconds, Path(folder) / f"{kind}.{pid}"))
                for kind, many in pids.items()
                for pid in many
            ]
            talked = await talk(client, opened, seconds + START_S)
            used = (await server.usage()).cpu_since(before)
            await asyncio.gather(*sampling)
            samples = {kind: _layers(Path(folder), kind) for kind in pids}
    return _profile(talked, seconds, used, samples)


async def _sample(pid: int, seconds: float, file: Path) -> None:
    options = ["--format", "raw", "--rate", str(RATE_HZ), "--duration", str(round(seconds)), "--output", str(file)]
    process = await asyncio.create_subprocess_exec(
        PY_SPY, "record", "--pid", str(pid), "--full-filenames", "--nonblocking", *options,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await process.wait()


def _layers(folder: Path, kind: str) -> Counter[str]:
    """Count the samples of a kind of process by layer; a line is a stack, its innermost frame last, and a count."""
    counted: Counter[str] = Counter()
    for file in folder.glob(f"{kind}.*"):
        for line in file.read_text().splitlines():
            stack, _, count = line.rpartition(" ")
            frame = stack.rpartition(";")[2]
            if not WAITING.search(frame):
                counted[_layer(frame)] += int(count)
    return counted


def _layer(frame: str) -> str:
    """Return the layer of a frame like `run (/a/b/site-packages/ray/actor.py:12)`."""
    path = Path(frame.rpartition("(")[2].rpartition(":")[0])
    parts = path.parts
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1].removesuffix(".py")
    for ours in OURS:
        if ours in parts:
            return "/".join(parts[parts.index(ours) : parts.index(ours) + 2]).removesuffix(".py")
    if "asyncio" in parts:
        return "uvloop" if path.name == "runners.py" else "asyncio"  # which has no Python of its own
    return "Python's library" if path.is_absolute() else "native"


def _profile(talked: Talk, seconds: float, used: Mapping[str, float], samples: Mapping[str, Counter[str]]) -> Profile:
    turns_sampled = talked.per_s * seconds
    layers = {
        kind: {layer: count / RATE_HZ / turns_sampled * 1000 for layer, count in counted.most_common()}
        for kind, counted in samples.items()
    }
    return Profile(talked.per_s, {kind: s * 1000 / len(talked.turns) for kind, s in used.items()}, layers)


def table(profile: Profile) -> str:
    """Return the profile as Markdown."""
    lines = ["| process | layer | ms a turn | share |", "| --- | --- | --- | --- |"]
    whole = sum(profile.total_ms.values())
    for kind, total in sorted(profile.total_ms.items(), key=lambda item: -item[1]):
        lines.append(f"| **{kind}** | | **{total:.2f}** | **{total / whole:.0%}** |")
        layers = profile.layers_ms.get(kind, {})
        small = sum(ms for ms in layers.values() if ms < SHOWN_MS)
        shown = {layer: ms for layer, ms in layers.items() if ms >= SHOWN_MS}
        rest = {"others": small, "native threads": total - sum(layers.values())} if layers else {}
        lines += [f"| | {layer} | {ms:.2f} | {ms / whole:.0%} |" for layer, ms in (shown | rest).items() if ms > 0]
    return "\n".join([*lines, f"| **all** | | **{whole:.2f}** | at {profile.turns_per_s:.0f} turns/s |"])


def write(profile: Profile, file: Path) -> None:
    """Put the table into a page, between its marks."""
    head, _, rest = file.read_text().partition(MARK)
    tail = rest.partition(END)[2]
    file.write_text(f"{head}{MARK}\n{table(profile)}\n{END}{tail}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=64, help="who talk at once, each in a session")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long it looks")
    parser.add_argument("--code", type=Path, help="the tree whose server is looked at, instead of this one")
    parser.add_argument("--report", type=Path, help="also write the table into this page, between its marks")
    given = parser.parse_args()
    sys.stderr.write(f"profile: {given.users} users, {given.seconds:.0f} s ...\n")
    found = uvloop.run(measure(given.users, given.seconds, given.code))
    sys.stdout.write(table(found) + "\n")
    if given.report:
        write(found, given.report)
