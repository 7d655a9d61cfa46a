import pytest

from runtime.core.errors import SchemaMismatchError
from runtime.store.migrate import Migration, Step, pending


def migration(number: int) -> Migration:
    return Migration(Step(number, f"step_{number}", f"sha{number}"), "SELECT 1")


FILES = [migration(1), migration(2), migration(3)]


@pytest.mark.parametrize("applied", [0, 1, 2, 3])
def test_pending_is_what_follows_the_applied(applied: int) -> None:
    steps = [file.step for file in FILES[:applied]]
    assert list(pending(FILES, steps)) == FILES[applied:]


def test_changed_file_is_refused() -> None:
    with pytest.raises(SchemaMismatchError, match=r"0001_step_1 .* has changed"):
        pending(FILES, [Step(1, "step_1", "other")])


def test_database_newer_than_the_code_is_refused() -> None:
    steps = [file.step for file in FILES]
    with pytest.raises(SchemaMismatchError, match=r"schema 3 .* knows 2"):
        pending(FILES[:2], steps)


def test_missing_record_of_an_earlier_file_is_refused() -> None:
    with pytest.raises(SchemaMismatchError, match="has changed"):
        pending(FILES, [FILES[1].step])


@pytest.mark.parametrize(("sql", "is_transactional"), [("SELECT 1", True), ("-- no-transaction\nVACUUM", False)])
def test_first_line_decides_about_the_transaction(sql: str, is_transactional: bool) -> None:  # noqa: FBT001  a table
    assert Migration(Step(1, "a", "b"), sql).is_transactional is is_transactional
