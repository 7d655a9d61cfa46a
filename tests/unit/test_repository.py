"""The shape of the house: where files may lie, how large they may be, and what the core may not even name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("runtime", "actors", "api", "loadtests", "supplychain")
MOST_LINES: Final = 400
AT_THE_TOP: Final = {"__init__.py", "py.typed"}
DOCUMENTS: Final = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("loadtests/*.md"))]
SECURITY_EXCEPTION: Final = re.compile(r"# noqa: (?:\w+, )*S\d+(?:, \w+)*(.*)")
INTERNAL: Final = re.compile(r"^\s*(?:from|import) +(?:runtime|actors|api)\b.*", re.MULTILINE)


def modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def test_a_module_holds_one_concept_in_four_hundred_lines() -> None:
    long = {
        str(module.relative_to(ROOT))
        for module in modules(*PACKAGES)
        if len(module.read_text().splitlines()) > MOST_LINES
    }
    assert not long, "part it by concept"


def test_every_file_of_runtime_stands_in_a_room() -> None:
    assert {file.name for file in (ROOT / "runtime").iterdir() if file.is_file()} == AT_THE_TOP


def test_the_room_of_plugins_holds_the_package_perdure_alone() -> None:
    """Mypy and import rules see what lies in that package, and nothing beside it."""
    assert [entry.name for entry in (ROOT / "runtime" / "plugin").iterdir()] == ["perdure"]


def test_an_exception_from_a_rule_of_security_says_why() -> None:
    lines = [(module, line) for module in modules(*PACKAGES, "tests") for line in module.read_text().splitlines()]
    reasons = [(module.name, line, found[1]) for module, line in lines if (found := SECURITY_EXCEPTION.search(line))]
    assert [(module, line) for module, line, reason in reasons if not re.search(r"\w", reason)] == []
    assert len(reasons) > 1  # so that the pattern is known to find them


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_documents_import_nothing_of_ours_but_perdure(document: Path) -> None:
    """Promised: what an author of a capability needs is in `perdure`."""
    assert INTERNAL.findall(document.read_text()) == []


@pytest.mark.parametrize("module", [*modules("runtime/core")], ids=lambda module: str(module.relative_to(ROOT)))
def test_the_core_neither_waits_nor_asks_for_the_time(module: Path) -> None:
    """Import rules cannot see this: both are to be had with what the core may import."""
    for node in ast.walk(ast.parse(module.read_text())):
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith)
        assert not (isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today"))
