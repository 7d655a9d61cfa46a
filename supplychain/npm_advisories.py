"""Known vulnerabilities of the console's packages, those that build it too, asked by `npm audit` of a registry.

    python -m supplychain.npm_advisories [--if-possible] [options of npm audit, such as --registry URL]

As in `advisories.py`: whoever is asked is asked about a release first of which vulnerabilities are known for long, and
the exit code is 0 if nothing is known, 1 if something is, 2 if nobody can say.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from supplychain.advisories import NOT_AUDITED, Advisory, NotAuditedError, complaints
from supplychain.project import ROOT, table

CONSOLE: Final = ROOT / "api" / "console"
CANARY: Final = ("minimist", "0.0.8")
PATIENCE_S: Final = 120
_FIXED: Final = re.compile(r"<(?!=)\s*([\w.-]+)")  # where a range of vulnerable versions ends


def ask(folder: Path, options: Sequence[str]) -> dict[str, Any]:
    """Return what npm's audit says of a lock file. Raises NotAuditedError if it says nothing."""
    command = (str(CONSOLE / "npm"), "--prefix", str(folder), "audit", "--json", "--package-lock-only", *options)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)  # noqa: S603  ours
        report: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        message = f"npm audit did not end within {PATIENCE_S} s"
        raise NotAuditedError(message) from None
    except json.JSONDecodeError:
        message = done.stderr.strip().rpartition("\n")[2] or f"npm audit ended with {done.returncode}"
        raise NotAuditedError(message) from None
    if "vulnerabilities" not in report:
        said = report.get("message") or report.get("error", {}).get("summary") or "npm audit has no report"
        raise NotAuditedError(str(said).partition("\n")[0])
    return report


def advisories(report: Mapping[str, Any]) -> list[Advisory]:
    """Return what a report holds against packages, each once; who only depends on one of them is not named."""
    found = {
        (cause["name"], cause["url"]): Advisory(
            cause["name"], (cause["url"].rpartition("/")[2],), tuple(_FIXED.findall(cause["range"]))
        )
        for entry in report["vulnerabilities"].values()
        for cause in entry["via"]
        if isinstance(cause, dict)
    }
    return [found[key] for key in sorted(found)]


def audit(options: Sequence[str]) -> tuple[list[Advisory], int]:
    """Return what is known against the console's packages, and how many they are.

    Raises:
        NotAuditedError: the registry cannot be relied on.
    """
    name, version = CANARY
    with tempfile.TemporaryDirectory() as folder:
        _lock(Path(folder), name, version)
        if not advisories(ask(Path(folder), options)):
            message = f"the registry knows no advisory for {name} {version}, which has some"
            raise NotAuditedError(message)
    report = ask(CONSOLE, options)
    return advisories(report), report["metadata"]["dependencies"]["total"]


def _lock(folder: Path, name: str, version: str) -> None:
    """Write a project that needs one package."""
    project = {"name": "canary", "version": "1.0.0", "dependencies": {name: version}}
    (folder / "package.json").write_text(json.dumps(project), encoding="utf-8")
    packages = {"": project, f"node_modules/{name}": {"version": version}}
    lock = {"name": "canary", "version": "1.0.0", "lockfileVersion": 3, "requires": True, "packages": packages}
    (folder / "package-lock.json").write_text(json.dumps(lock), encoding="utf-8")


def main() -> None:
    """Audit, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--if-possible", action="store_true", help="end with 0 if nobody can say")
    arguments, options = parser.parse_known_args()
    try:
        found, count = audit(options)
    except NotAuditedError as err:
        sys.stderr.write(f"NOT AUDITED, the console: {err}\n")
        sys.exit(0 if arguments.if_possible else NOT_AUDITED)
    if wrong := [*complaints(found, table("advisories")["accepted_in_console"])]:
        sys.exit(
            "\n".join([*wrong, "Raise the pin (npm update), or say in pyproject.toml why it does not concern us."])
        )
    sys.stdout.write(f"{count} packages of the console, no known vulnerability but {len(found)} that are accepted\n")


if __name__ == "__main__":
    main()
