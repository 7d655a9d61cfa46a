"""The software bill of materials: what the product is installed with, as CycloneDX JSON (`make sbom`).

    python -m supplychain.sbom build/sbom.json

cyclonedx-py describes the environment in which it runs, and that holds developers' tools too: what requirements.txt
does not name is left out.
"""

import json
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from packaging.utils import canonicalize_name
from packaging.version import Version

from supplychain.project import PRODUCT, ROOT, Pin, pins

Bill = dict[str, Any]  # as the CycloneDX specification has it

# Validating takes twenty seconds, and a part of what is valid is valid: tests look at a small one.
_OPTIONS: Final = ("--pyproject", "pyproject.toml", "--spec-version", "1.6", "--gather-license-texts", "--no-validate")


class NoBillError(Exception):
    """There is no bill of this environment, or it would be of something else than the product."""


def describe_environment() -> Bill:
    """Return the bill of everything that is installed here. Raises NoBillError."""
    command = (sys.executable, "-m", "cyclonedx_py", "environment", *_OPTIONS)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  ours
    if done.returncode != 0:
        raise NoBillError(done.stderr)
    bill: Bill = json.loads(done.stdout)
    return bill


def product(environment: Bill, wanted: Collection[Pin]) -> Bill:
    """Return an environment's bill without what is not wanted.

    Raises:
        NoBillError: something is missing that is wanted on this platform, or has another version.
    """
    _check(environment, wanted)
    names = {pin.name for pin in wanted}
    parts = [part for part in environment["components"] if canonicalize_name(part["name"]) in names]
    known = {environment["metadata"]["component"]["bom-ref"], *(part["bom-ref"] for part in parts)}
    edges = [edge for edge in environment["dependencies"] if edge["ref"] in known]
    return {**environment, "components": parts, "dependencies": [_within(known, edge) for edge in edges]}


def main() -> None:
    """Write the bill into the file that the command line names."""
    file = Path(sys.argv[1])
    try:
        bill = product(describe_environment(), pins(PRODUCT))
    except NoBillError as err:
        sys.exit(f"No bill of materials: {err}")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(bill, indent=1), encoding="utf-8")
    sys.stdout.write(f"{file}: {len(bill['components'])} packages\n")


def _check(environment: Bill, wanted: Collection[Pin]) -> None:
    installed: dict[str, Version] = {
        canonicalize_name(part["name"]): Version(part["version"]) for part in environment["components"]
    }
    wrong = [pin for pin in wanted if pin.is_for_here and installed.get(pin.name) != pin.version]
    if wrong:
        names = ", ".join(f"{pin.name} {pin.version}" for pin in wrong)
        message = f"pinned, and not installed here: {names}. Run make install"
        raise NoBillError(message)


def _within(known: Collection[str], edge: dict[str, Any]) -> dict[str, Any]:
    return {**edge, "dependsOn": [ref for ref in edge.get("dependsOn", ()) if ref in known]}


if __name__ == "__main__":
    main()
