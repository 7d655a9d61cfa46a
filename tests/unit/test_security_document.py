"""docs/security.md names tests that are there."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
NAMED: Final = re.findall(r"`([\w/]+/test_\w+\.py)`", (ROOT / "docs" / "security.md").read_text())


def test_every_test_that_it_cites_exists() -> None:
    assert [name for name in NAMED if not (ROOT / "tests" / name).is_file()] == []
    assert len(NAMED) > 1  # so that the pattern is known to find them
