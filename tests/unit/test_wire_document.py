"""docs/wire.md leaves nothing out that goes over the wire, and what cites it cites what is there."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

from api.app import create_app
from api.http.limits import ANY
from api.http.openapi import document
from runtime.core import event as ev
from runtime.core.failure import WORDS
from runtime.identity.anonymous import Anonymous
from runtime.process.settings import HttpSettings

ROOT: Final = Path(__file__).parents[2]
WIRE: Final = (ROOT / "docs" / "wire.md").read_text()
NAMED: Final = frozenset(re.findall(r"`([^`\n]+)`", WIRE))
# A document and one of its headings, as docstrings and documents write it; it may break the line.
CITATION: Final = re.compile(r'(?:docs/)?([\w-]+\.md)\)?,\s+(?:# )?"([^"]+)"')
PACKAGES: Final = ("runtime", "actors", "api", "tests", "loadtests", "supplychain")


def routes() -> Iterator[str]:
    parts = SimpleNamespace(version="", http=HttpSettings(), authenticator=Anonymous(), allowances=ANY)
    app = create_app(parts)  # type: ignore[arg-type]  # nothing is served
    operations: dict[str, Any] = document(app)["paths"]
    for path in operations:
        yield path.removeprefix("/api/v1")


def last_word(route: str) -> str:
    """Return what tells a route from others: its last part that is no parameter."""
    return next(part for part in reversed(route.split("/")) if not part.startswith("{"))


@pytest.mark.parametrize("route", sorted(set(routes())))
def test_every_route_is_told_of(route: str) -> None:
    first, last = route.split("/")[1], last_word(route)
    assert any(f"/{first}" in name for name in NAMED)
    assert any(re.search(rf"/{last}(?:/\{{[^}}]+\}})*$", name) for name in NAMED)


@pytest.mark.parametrize("event_type", sorted(ev.PAYLOADS))
def test_every_type_of_event_is_told_of(event_type: str) -> None:
    assert event_type in NAMED


@pytest.mark.parametrize("code", sorted(WORDS))
def test_every_reason_for_a_failed_turn_is_told_of(code: str) -> None:
    assert code in NAMED


def test_citations_name_headings_that_are_there() -> None:
    documents = {path.name: path for folder in (ROOT, ROOT / "docs") for path in folder.glob("*.md")}
    sources = [*documents.values(), *(file for name in PACKAGES for file in (ROOT / name).rglob("*.py"))]
    cited = {citation for file in sources for citation in CITATION.findall(file.read_text())}
    missing = [(name, heading) for name, heading in cited if f"# {heading}\n" not in documents[name].read_text()]
    assert missing == []
    assert ("ARCHITECTURE.md", "Tools and their effects") in cited  # so that the pattern is known to find them
