"""What may become of an authored thing: every move of its life, and every one that is refused."""

import pytest

from runtime.core.authored.lifecycle import ARCHIVING, Life, check_assignable, check_change
from runtime.core.errors import ConflictError, InvalidInputError


def test_archiving_twice_deletes_and_nothing_follows() -> None:
    assert ARCHIVING == {Life.ACTIVE: Life.ARCHIVED, Life.ARCHIVED: Life.DELETED}


@pytest.mark.parametrize(
    ("before", "after"),
    [(Life.ACTIVE, Life.ACTIVE), (Life.ACTIVE, Life.ARCHIVED), (Life.ARCHIVED, Life.ACTIVE)],
)
def test_what_is_active_or_comes_back_may_change(before: Life, after: Life) -> None:
    check_change("agent", before, after)


def test_what_is_archived_and_stays_so_does_not_change() -> None:
    with pytest.raises(ConflictError) as caught:
        check_change("agent", Life.ARCHIVED, Life.ARCHIVED)
    assert caught.value.stable_code == "agent_archived"


@pytest.mark.parametrize("before", [Life.ACTIVE, Life.ARCHIVED])
@pytest.mark.parametrize("after", [Life.DELETED, "gone"])
def test_nobody_sets_another_status(before: Life, after: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_change("agent", before, after)
    assert caught.value.stable_code == "invalid_status"


def test_only_what_is_active_is_built_on() -> None:
    check_assignable("harness", "mine", Life.ACTIVE)
    with pytest.raises(ConflictError, match="Harness mine is archived and takes no new agents") as caught:
        check_assignable("harness", "mine", Life.ARCHIVED, takes="agents")
    assert caught.value.stable_code == "harness_archived"
