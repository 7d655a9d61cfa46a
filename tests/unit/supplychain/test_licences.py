"""Which licences the gate lets through, and that exemptions are as few and as narrow as they may be."""

from typing import Any

import pytest

from supplychain.licences import Exemption, Rules, complaints

RULES = Rules(
    allowed=frozenset({"MIT", "Apache-2.0"}),
    spelled={"Apache 2.0": "Apache-2.0", "Copyleft": "GPL-3.0-only"},
    exempt={"parser": Exemption("CNRI-Python", "as permissive as Python's own")},
)
PARSER = {"name": "Parser", "version": "3.1", "licenses": [{"expression": "MIT AND CNRI-Python"}]}


def said_of(*parts: dict[str, Any]) -> list[str]:
    return [*complaints({"components": [*parts]}, RULES)]


@pytest.mark.parametrize(
    "text",
    ["MIT", "MIT OR GPL-3.0-only", "MIT AND Apache-2.0", "GPL-3.0-only OR (MIT AND Apache-2.0)", "Apache 2.0"],
)
def test_a_licence_is_let_through_if_one_may_choose_what_is_allowed(text: str) -> None:
    assert RULES.permit(text)


@pytest.mark.parametrize(
    "text",
    [
        "GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "(MIT OR GPL-3.0-only) AND SSPL-1.0",
        "MIT WITH Commons-Clause",
        "MIT-like",
        "mit, more or less (ask us)",
        "Copyleft",
        "",
    ],
)
def test_any_other_licence_is_refused(text: str) -> None:
    assert not RULES.permit(text)


def test_of_several_licences_each_must_be_allowed() -> None:
    named = {"name": "tool", "version": "1.0", "licenses": [{"license": {"id": "MIT"}}, {"license": {"name": "BSL"}}]}
    assert said_of(PARSER, named) == ["tool 1.0 is under 'BSL', which is not allowed."]


def test_what_stands_where_a_name_should_is_read_by_its_first_line() -> None:
    text = {"license": {"name": "declared license of 'tool'", "text": {"content": "Copyleft\n\nYou may …"}}}
    refused = said_of(PARSER, {"name": "tool", "version": "1.0", "licenses": [text]})
    assert refused == ["tool 1.0 is under 'Copyleft', which is not allowed."]


@pytest.mark.parametrize("licenses", [[], [{"license": {"name": "declared license file: LICENSE", "text": {}}}]])
def test_a_package_that_is_silent_about_its_licence_is_refused(licenses: list[Any]) -> None:
    silent = {"name": "tool", "version": "1.0", "licenses": licenses}
    assert said_of(PARSER, silent) == ["tool 1.0 does not say what its licence is."]


def test_an_exemption_is_for_one_package_and_one_licence() -> None:
    assert said_of(PARSER) == []
    stranger, turned = {**PARSER, "name": "other"}, {**PARSER, "licenses": [{"expression": "SSPL-1.0"}]}
    assert said_of(PARSER, stranger) == ["other 3.1 is under 'MIT AND CNRI-Python', which is not allowed."]
    assert said_of(turned) == ["parser 3.1 is under 'SSPL-1.0', which is not allowed."]


def test_an_exemption_that_nobody_needs_must_go() -> None:
    relicensed = {**PARSER, "licenses": [{"license": {"id": "MIT"}}]}
    assert said_of(relicensed) == said_of() == ["parser needs no exemption (any more)."]
