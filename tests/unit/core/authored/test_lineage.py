"""Who may stand below whom, and what a line of harnesses is."""

import pytest

from runtime.core.authored.definition import Harness, HarnessDefinition
from runtime.core.authored.lineage import MAX_DEPTH, check_parent, lineage
from runtime.core.errors import InvalidInputError, NotFoundError


def harness(name: str, parent: str | None = None) -> Harness:
    return Harness(
        id=name,
        name=name,
        status="active",
        is_built_in=False,
        parent_id=parent,
        revision=1,
        definition=HarnessDefinition(),
        created_at="",
        updated_at="",
    )


def test_the_outermost_comes_first() -> None:
    known = {h.name: h for h in (harness("a"), harness("b", "a"), harness("c", "b"))}
    assert [h.name for h in lineage("c", known.get)] == ["a", "b", "c"]
    assert [h.name for h in lineage("a", known.get)] == ["a"]


def test_an_ancestor_that_is_not_known_is_named() -> None:
    with pytest.raises(NotFoundError) as caught:
        lineage("b", {"b": harness("b", "a")}.get)
    assert caught.value.key == "a"


def test_a_circle_that_somebody_made_has_an_end() -> None:
    known = {h.name: h for h in (harness("a", "b"), harness("b", "a"))}
    with pytest.raises(InvalidInputError) as caught:
        lineage("a", known.get)
    assert caught.value.stable_code == "harness_chain_too_long"


@pytest.mark.parametrize("line", [["c"], ["b", "c"], ["c", "b", "a"]])
def test_nobody_is_their_own_ancestor(line: list[str]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_parent("c", line)
    assert caught.value.stable_code == "harness_cycle"


def test_a_line_has_an_end() -> None:
    for below in (0, 4):
        check_parent("mine", [str(n) for n in range(MAX_DEPTH - 1 - below)], below)
        with pytest.raises(InvalidInputError) as caught:
            check_parent("mine", [str(n) for n in range(MAX_DEPTH - below)], below)
        assert caught.value.stable_code == "harness_chain_too_long"
