"""What a report of an audit comes to."""

from typing import Any

import pytest
from packaging.version import Version

from supplychain.advisories import Advisory, NotAuditedError, advisories, complaints
from supplychain.project import Pin

PINS = [Pin("web-server", Version("1.0")), Pin("sockets", Version("2.0"))]
HOLE = {"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": ["CVE-1"]}
FOUND = Advisory("web-server", ("PYSEC-1", "CVE-1"), ("1.1",))


def report(*answers: dict[str, Any]) -> dict[str, Any]:
    """What pip-audit says of the first pin, and these answers about the second."""
    return {"dependencies": [{"name": "web-server", "version": "1.0", "vulns": [HOLE]}, *answers], "fixes": []}


def test_a_report_tells_of_every_pin() -> None:
    assert advisories(report({"name": "sockets", "version": "2.0", "vulns": []}), PINS) == [FOUND]


@pytest.mark.parametrize("answers", [[], [{"name": "sockets", "skip_reason": "not found"}]])
def test_a_package_that_the_service_does_not_know_was_not_audited(answers: list[dict[str, Any]]) -> None:
    with pytest.raises(NotAuditedError, match="says nothing about sockets"):
        advisories(report(*answers), PINS)


def test_a_vulnerability_is_told_with_its_repair() -> None:
    assert [*complaints([FOUND], {})] == ["web-server: PYSEC-1, CVE-1; fixed in 1.1."]


@pytest.mark.parametrize("name", FOUND.ids)
def test_a_vulnerability_may_be_accepted_under_any_of_its_names(name: str) -> None:
    assert [*complaints([FOUND], {name: "we never call it"})] == []


def test_an_acceptance_that_nothing_needs_must_go() -> None:
    assert [*complaints([], {"CVE-2": "we never call it"})] == [
        "CVE-2 is accepted, and nothing that is pinned has it (any more)."
    ]
