"""Links in a folder that everybody may write to."""

from pathlib import Path

import pytest

from runtime.core.errors import ConflictError
from runtime.process.short_path import link


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_a_name_that_somebody_else_took_is_refused_and_left_alone(tmp_path: Path, kind: str) -> None:
    ours, name, theirs = tmp_path / "ours", tmp_path / "name", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
    match kind:
        case "file":
            name.touch()
        case "folder":
            name.mkdir()
        case _:
            name.symlink_to(theirs)
    with pytest.raises(ConflictError, match="is in the way"):
        link(name, ours)
    assert not name.exists() or name.resolve() != ours
