"""One Ray cluster serves a database at a time."""

import pytest

from runtime.store import deployment
from runtime.store.deployment import ClaimStore
from runtime.store.pool import Pool


async def test_a_claim_is_renewed_by_its_holder_and_refused_to_others(db: Pool) -> None:
    ours, theirs = ClaimStore(db, "ours"), ClaimStore(db, "theirs")
    assert await ours.take() == "ours"
    assert await theirs.take() == "ours"
    assert await ours.take() == "ours"


async def test_a_claim_is_free_once_it_is_released(db: Pool) -> None:
    ours, theirs = ClaimStore(db, "ours"), ClaimStore(db, "theirs")
    await ours.take()
    await theirs.release()  # it is not theirs
    assert await theirs.take() == "ours"
    await ours.release()
    assert await theirs.take() == "theirs"


async def test_a_claim_of_the_silent_passes_on_for_good(db: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = ClaimStore(db, "ours"), ClaimStore(db, "theirs")
    await ours.take()
    monkeypatch.setattr(deployment, "CLAIM_LIFETIME_S", 0.0)
    assert await theirs.take() == "theirs"
    monkeypatch.undo()
    assert await ours.take() == "theirs"
