"""Figures: what was measured, what the machine allows, what we aim at."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, asdict, dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Floor:
    """What the machine, or a part that we stand on, allows; measured in the same run and unit."""

    value: float
    what: str


@dataclass(frozen=True)
class Aim:
    """At most this for what is better low, at least this for what is better high; of the ratio or of the value."""

    limit: float
    of_ratio: bool = False


@dataclass(frozen=True)
class Figure:
    """One row of the report. Its name is its key in baselines, so sizes that change it are part of it."""

    name: str
    value: float
    unit: str
    floor: Floor | None = None
    aim: Aim | None = None
    _: KW_ONLY
    is_high_good: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times worse than the floor; None without one. 1 is the best there can be."""
        if self.floor is None or not self.floor.value or not self.value:
            return None
        return self.floor.value / self.value if self.is_high_good else self.value / self.floor.value

    @property
    def is_met(self) -> bool | None:
        """Whether the aim is met; None if nothing is aimed at, or it is of a ratio that there is not."""
        if self.aim is None:
            return None
        if self.aim.of_ratio:
            return None if self.ratio is None else self.ratio <= self.aim.limit
        return self.value >= self.aim.limit if self.is_high_good else self.value <= self.aim.limit

    @classmethod
    def from_json(cls, row: dict[str, object]) -> Self:
        """Read one back."""
        floor, aim = row.pop("floor"), row.pop("aim")
        return cls(
            floor=Floor(**floor) if isinstance(floor, dict) else None,
            aim=Aim(**aim) if isinstance(aim, dict) else None,
            **row,  # type: ignore[arg-type]  # as `save` wrote it
        )


def save(figures: Iterable[Figure], path: Path) -> None:
    """Write figures to a file, as `load` reads them."""
    path.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")


def load(path: Path) -> dict[str, Figure]:
    """Read figures by name; none if there is no file."""
    if not path.exists():
        return {}
    return {row["name"]: Figure.from_json(row) for row in json.loads(path.read_text())}


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of the values does not exceed (nearest rank)."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
