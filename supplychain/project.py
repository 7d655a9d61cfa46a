"""What the project says of itself: the packages that it pins, and its rules in pyproject.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT: Final = Path(__file__).resolve().parents[1]
PRODUCT: Final = ROOT / "requirements.txt"
EVERYTHING: Final = ROOT / "requirements-dev.txt"  # the product's packages and the developers'


@dataclass(frozen=True, slots=True)
class Pin:
    """One package in one version. `is_for_here` is false if it is for other platforms, or another Python."""

    name: str
    version: Version
    is_for_here: bool = True


def pins(file: Path) -> list[Pin]:
    """Return the packages that a file of `make lock` names, for whichever platform.

    Raises:
        ValueError: a line names no package, or no single version of it.
    """
    lines = file.read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    return [_pin(line.partition("--hash=")[0]) for line in lines if line.strip()]


def table(name: str) -> dict[str, Any]:
    """Return a table of [tool.perdure]. Raises KeyError if there is none."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: dict[str, Any] = document["tool"]["perdure"][name]
    return found


def _pin(line: str) -> Pin:
    requirement = Requirement(line)
    versions = [specifier.version for specifier in requirement.specifier if specifier.operator == "=="]
    if len(versions) != 1:
        message = f"{line.strip()} is no pin"
        raise ValueError(message)
    is_for_here = requirement.marker is None or requirement.marker.evaluate()
    return Pin(canonicalize_name(requirement.name), Version(versions[0]), is_for_here)
