"""Known vulnerabilities of all that is pinned, the developers' tools too, asked of an advisory service by pip-audit.

    python -m supplychain.advisories [--if-possible] [options of pip-audit, such as --vulnerability-service osv]

An audit that was not made must not look like one that found nothing. So the first question is about an old release of
which whoever knows advisories knows dozens: a service that has none, an empty mirror say, is not asked any further. The
exit code is 0 if nothing is known, 1 if something is, 2 if nobody can say. Where nobody can be asked by design,
`--if-possible` makes 0 of the 2, and still says so.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from packaging.version import Version

from supplychain.project import EVERYTHING, Pin, pins, table

CANARY: Final = Pin("pillow", Version("6.0.0"))
NOT_AUDITED: Final = 2
_OPTIONS: Final = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json", "--desc", "off")


class NotAuditedError(Exception):
    """The service did not say what it was asked."""


@dataclass(frozen=True, slots=True)
class Advisory:
    """A vulnerability of a package that is pinned. `ids` are its names, the service's own first."""

    package: str
    ids: tuple[str, ...]
    fixed_in: tuple[str, ...]


def ask(wanted: Collection[Pin], options: Sequence[str]) -> dict[str, Any]:
    """Return pip-audit's report. Raises NotAuditedError if it has none."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pins.txt"
        file.write_text("".join(f"{pin.name}=={pin.version}\n" for pin in wanted), encoding="utf-8")
        command = (sys.executable, "-m", "pip_audit", "--requirement", str(file), *_OPTIONS, *options)
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  ours
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        message = done.stderr.strip().rpartition("\n")[2] or f"pip-audit ended with {done.returncode}"
        raise NotAuditedError(message) from None
    return report


def advisories(report: Mapping[str, Any], wanted: Collection[Pin]) -> list[Advisory]:
    """Return what a report holds against what was asked about. Raises NotAuditedError if it does not tell of all."""
    answers = {entry["name"]: entry.get("vulns") for entry in report["dependencies"]}
    if silent := [f"{pin.name} {pin.version}" for pin in wanted if answers.get(pin.name) is None]:
        message = f"the advisory service says nothing about {', '.join(silent)}"
        raise NotAuditedError(message)
    return [
        Advisory(pin.name, (found["id"], *found["aliases"]), tuple(found["fix_versions"]))
        for pin in wanted
        for found in answers[pin.name]
    ]


def audit(wanted: Collection[Pin], options: Sequence[str]) -> list[Advisory]:
    """Return what is known against the pins. Raises NotAuditedError if the service cannot be relied on."""
    if not advisories(ask([CANARY], options), [CANARY]):
        message = f"the advisory service knows none for {CANARY.name} {CANARY.version}, which has dozens"
        raise NotAuditedError(message)
    return advisories(ask(wanted, options), wanted)


def complaints(found: Collection[Advisory], accepted: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each advisory that is not accepted, and for each acceptance that is of no use any more."""
    for advisory in found:
        if accepted.keys().isdisjoint(advisory.ids):
            repair = f"fixed in {', '.join(advisory.fixed_in)}" if advisory.fixed_in else "there is no repair yet"
            yield f"{advisory.package}: {', '.join(advisory.ids)}; {repair}."
    known = {name for advisory in found for name in advisory.ids}
    for name in sorted(accepted.keys() - known):
        yield f"{name} is accepted, and nothing that is pinned has it (any more)."


def main() -> None:
    """Audit, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--if-possible", action="store_true", help="end with 0 if nobody can say")
    arguments, options = parser.parse_known_args()
    wanted = pins(EVERYTHING)
    try:
        found = audit(wanted, options)
    except NotAuditedError as err:
        sys.stderr.write(f"NOT AUDITED: {err}\n")
        sys.exit(0 if arguments.if_possible else NOT_AUDITED)
    if wrong := [*complaints(found, table("advisories")["accepted"])]:
        sys.exit("\n".join([*wrong, "Raise the pin (make lock), or say in pyproject.toml why it does not concern us."]))
    sys.stdout.write(f"{len(wanted)} packages, no known vulnerability but {len(found)} that are accepted\n")


if __name__ == "__main__":
    main()
