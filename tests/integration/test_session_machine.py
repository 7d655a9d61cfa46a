"""One session, whatever is said to it and whatever dies, on a real database."""

import pytest
from hypothesis.stateful import run_state_machine_as_test

from runtime.host import journal
from tests.integration.ground import standing
from tests.laws import share
from tests.play import SessionMachine


def test_a_session_keeps_its_promises_on_postgres(shared_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Accepted is durable, seen is durable, one writer, a turn always ends, and replay gives the live state."""
    monkeypatch.setattr(journal, "RETRY_FIRST_S", 0.0)
    with standing(shared_database) as (ground, run):

        class Play(SessionMachine):
            def __init__(self) -> None:
                super().__init__(ground, run)

        run_state_machine_as_test(Play, settings=share(0.04, steps=25))
