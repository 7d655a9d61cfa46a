"""What a report of npm's audit comes to."""

from supplychain.advisories import Advisory
from supplychain.npm_advisories import advisories

HOLE = {
    "source": 1,
    "name": "parser",
    "url": "https://github.com/advisories/GHSA-1",
    "severity": "high",
    "range": "<0.2.4 || >=1.0.0 <1.2.6",
}


def test_an_advisory_is_told_once_however_many_depend_on_its_package() -> None:
    report = {
        "vulnerabilities": {
            "parser": {"name": "parser", "via": [HOLE]},
            "twin": {"name": "twin", "via": [HOLE, "parser"]},
            "builder": {"name": "builder", "via": ["parser"]},
        }
    }
    assert advisories(report) == [Advisory("parser", ("GHSA-1",), ("0.2.4", "1.2.6"))]


def test_what_has_no_repair_names_none() -> None:
    report = {"vulnerabilities": {"parser": {"via": [{**HOLE, "range": "<=3.0.0"}]}}}
    assert advisories(report) == [Advisory("parser", ("GHSA-1",), ())]
