"""The saboteur as an installed package: what makes a server under test load it."""

from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]
_ENTRY_POINTS: Final = "[perdure.capabilities]\nsaboteur = tests.saboteur:Saboteur\n"
_METADATA: Final = "Metadata-Version: 2.1\nName: saboteur\nVersion: 0\n"


def install(folder: Path) -> Path:
    """Make a folder that holds it, as far as anybody can tell; return the folder."""
    about = folder / "saboteur-0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(_METADATA)
    (about / "entry_points.txt").write_text(_ENTRY_POINTS)
    return folder
