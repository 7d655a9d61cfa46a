"""What the console's bundle is made of: the packages of which something is in it, as its build says (`licences.md`)."""

import re
from pathlib import Path
from typing import Any, Final

# As Vite heads the texts of licences. A package that names no licence has none here.
_PART: Final = re.compile(r"^## (@?[a-z0-9][\w./-]*) - (\d[\w.+-]*)(?: \((.+)\))?$", re.MULTILINE)


class NoBundleError(Exception):
    """There is no bundle, or its build does not say what is in it."""


def parts(file: Path) -> list[dict[str, Any]]:
    """Return the packages of a bundle as components of a bill of materials. Raises NoBundleError."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        message = f"{file} is not there. Run make install"
        raise NoBundleError(message) from None
    found = [_part(*match) for match in _PART.findall(text)]
    if not found:
        message = f"{file} names no package"
        raise NoBundleError(message)
    return found


def _part(name: str, version: str, licence: str) -> dict[str, Any]:
    return {"name": name, "version": version, "licenses": [{"expression": licence}] if licence else []}
