"""What a bundle is made of, by what its build says."""

from pathlib import Path

import pytest

from supplychain.bundle import NoBundleError, parts

SAID = """# Licenses

## @scope/tool - 1.0.2-rc.1 (MIT)

MIT License

## Contribution License Agreement

## fonts.js - 2.0.0 (MIT OR GPL-3.0-only)

## silent - 3.0.0
"""


def test_each_package_is_a_part_with_its_licence_and_headings_of_licences_are_none(tmp_path: Path) -> None:
    file = tmp_path / "licences.md"
    file.write_text(SAID)
    assert [(part["name"], part["version"], part["licenses"]) for part in parts(file)] == [
        ("@scope/tool", "1.0.2-rc.1", [{"expression": "MIT"}]),
        ("fonts.js", "2.0.0", [{"expression": "MIT OR GPL-3.0-only"}]),
        ("silent", "3.0.0", []),
    ]


def test_a_bundle_that_is_not_there_or_says_nothing_is_not_judged(tmp_path: Path) -> None:
    file = tmp_path / "licences.md"
    with pytest.raises(NoBundleError, match="make install"):
        parts(file)
    file.write_text("# Licenses\n")
    with pytest.raises(NoBundleError, match="names no package"):
        parts(file)
