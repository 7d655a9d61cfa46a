"""Faults at random moments under load, and what they broke, counted (`make chaos`).

    python -m loadtests.chaos [--seed N] [--kills 40] [--faults "session actor,Postgres"] [--sessions 24]
                              [--report FILE.md] [--json FILE] [--keep]

Exit code 1 if any count is not 0. The seed decides the order of faults and what users say; the moments themselves
depend on the machine.
"""

import argparse
import asyncio
import random
import signal
import sys
from pathlib import Path

import uvloop
from rich.console import Console

from loadtests.chaos import report
from loadtests.chaos.plan import Kind, plan
from loadtests.chaos.sever import can_sever
from loadtests.chaos.storm import Outcome, Storm
from loadtests.chaos.workload import KINDS
from loadtests.chaos.world import World

say = Console(stderr=True, highlight=False, soft_wrap=True)


async def main(arguments: argparse.Namespace) -> Outcome:
    """Start a world, let the storm pass over it, and return what it came to."""
    kinds = arguments.faults
    if Kind.LINK_CUT in kinds and not can_sever():
        kinds = [kind for kind in kinds if kind is not Kind.LINK_CUT]
        say.print(f"chaos: no “{Kind.LINK_CUT}”, which this machine refuses (it takes CAP_SYS_PTRACE)")
    if Kind.UNREAPED in kinds and sys.platform != "linux":
        kinds = [kind for kind in kinds if kind is not Kind.UNREAPED]
        say.print(f"chaos: no “{Kind.UNREAPED}”, which takes Linux")
    faults = plan(arguments.seed, arguments.kills, kinds)
    say.print(
        f"chaos: seed {arguments.seed}, {len(faults)} faults, {arguments.sessions} users; starting the server ..."
    )
    users = [KINDS[number % len(KINDS)] for number in range(arguments.sessions)]
    world = World()
    own = asyncio.current_task()
    if own is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, own.cancel)  # so that nothing is left running
    try:
        async with world:
            return await Storm(world, arguments.seed, users, lambda line: say.print(line, markup=False)).run(faults)
    finally:
        if arguments.keep:
            say.print(f"logs are in {world.home}")
        else:
            world.remove()


def _kinds(text: str) -> tuple[Kind, ...]:
    try:
        return tuple(Kind(name.strip()) for name in text.split(","))
    except ValueError as err:
        message = f"{err}; there are: {', '.join(Kind)}"
        raise argparse.ArgumentTypeError(message) from None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000), help="same seed, same order of faults")  # noqa: S311  no secret
    parser.add_argument("--kills", type=int, default=40, help="faults that kill; others come in between")
    parser.add_argument("--faults", type=_kinds, default=tuple(Kind), help="only these kinds, separated by commas")
    parser.add_argument("--sessions", type=int, default=24, help="users who talk at the same time")
    parser.add_argument("--report", type=Path, help="also write the report into a Markdown file")
    parser.add_argument("--json", type=Path, help="also write everything as JSON")
    parser.add_argument("--keep", action="store_true", help="keep the servers' folders and logs")
    return parser.parse_args()


if __name__ == "__main__":
    given = _arguments()
    outcome = uvloop.run(main(given))
    report.show(outcome, Console(width=120))
    if given.report:
        report.write(outcome, given.report)
    if given.json:
        given.json.write_text(report.as_json(outcome))
    if outcome.findings:
        say.print("[bold red]Promises were broken.[/]")
        sys.exit(1)
    say.print("Every promise held.")
