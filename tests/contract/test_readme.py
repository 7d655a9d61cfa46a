"""What the README shows is run as it stands."""

import asyncio
import re
import subprocess
import sys
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from runtime.agents.capability import Capability, Registry
from runtime.agents.tool import Tool
from runtime.process.settings import describe

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_program_runs_and_prints_the_reply(server_url: str) -> None:
    """Promised: an agent in Python, through the published SDK."""
    program = next(block for block in _blocks("python") if "everruns_sdk" in block)

    done = subprocess.run(  # noqa: S603  our own README
        [sys.executable, "-W", "ignore", "-c", program.replace("http://127.0.0.1:9000", server_url)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("What survives a crash?\n")


def test_the_capability_is_a_whole_one() -> None:
    """Promised: a capability is one class in one file."""
    program = next(block for block in _blocks("python") if "Capability" in block)
    names: dict[str, Any] = {}
    exec(program, names)  # noqa: S102  our own README
    dice: Capability = names["Dice"]()

    (roll,) = Registry([dice]).get("dice").tools({})

    assert roll.parameters["properties"]["sides"]["default"] == 6
    assert asyncio.run(_rolled(roll)) == 1


async def _rolled(roll: Tool) -> Any:
    return await roll.run(None, sides=1)


@pytest.mark.parametrize("command", [line for block in _blocks("sh") for line in block.splitlines()])
def test_each_command_is_one_that_ci_runs_or_a_program_that_is_there(command: str) -> None:
    """Promised: no command in the README is made up. `make test` runs this test; the others have tests of their own."""
    words = command.split()
    settings = [*takewhile(re.compile(r"[A-Z_]+=").match, words)]
    program, *arguments = words[len(settings) :]
    if program == "make":
        assert re.search(rf"^{arguments[0]}:", MAKEFILE, re.MULTILINE)
    else:
        help_text = subprocess.run(  # noqa: S603  our own README
            [ROOT / program, *arguments, "--help"], capture_output=True, text=True, timeout=50, check=True
        )
        assert {setting.partition("=")[0] for setting in settings} <= {setting.name for setting in describe()}
        assert help_text.stdout


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 150
