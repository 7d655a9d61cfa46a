"""How pins are read."""

from pathlib import Path

import pytest
from packaging.requirements import InvalidRequirement
from packaging.version import Version

from supplychain.project import EVERYTHING, PRODUCT, Pin, pins

LOCKED = """\
Some.Thing==1.2.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
elsewhere[extra]==3 ; sys_platform == 'nowhere' \\
    --hash=sha256:cc
"""


def test_pins_are_read_with_their_platforms(tmp_path: Path) -> None:
    (tmp_path / "pins").write_text(LOCKED)
    some, elsewhere = Pin("some-thing", Version("1.2")), Pin("elsewhere", Version("3"), is_for_here=False)
    assert pins(tmp_path / "pins") == [some, elsewhere]


@pytest.mark.parametrize("line", ["thing>=1", "thing", "thing @ https://example.com/thing.whl"])
def test_what_is_no_pin_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "pins").write_text(f"{line}\n")
    with pytest.raises(ValueError, match="is no pin"):
        pins(tmp_path / "pins")


def test_what_names_no_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pins").write_text("-r other.txt\n")
    with pytest.raises(InvalidRequirement):
        pins(tmp_path / "pins")


def test_developers_have_what_the_product_has() -> None:
    """The audit asks about the one file, the bill of materials is of the other."""
    assert set(pins(PRODUCT)) < set(pins(EVERYTHING))


def test_nothing_is_installed_that_slows_every_process() -> None:
    """Where jsonschema finds it, each process that imports Ray builds a grammar first, for two seconds."""
    assert "rfc3987-syntax" not in {pin.name for pin in pins(EVERYTHING)}
