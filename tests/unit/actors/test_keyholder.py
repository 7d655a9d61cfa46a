"""Which keys the supervisor goes by, whoever tells it which."""

import asyncio

import pytest

from actors import keyholder
from actors.keyholder import Keyholder
from runtime.core.errors import OverloadedError
from runtime.vault.keyring import Key, Keyring

OLD, NEW = Key("old", bytes(32)), Key("new", bytes(range(32)))
BEFORE, DURING, AFTER = Keyring(OLD), Keyring(NEW, OLD), Keyring(NEW)


@pytest.mark.parametrize("told", [(BEFORE, DURING), (DURING, BEFORE)])
async def test_whoever_comes_last_the_newer_keys_are_taken(told: tuple[Keyring, Keyring]) -> None:
    keys = Keyholder(BEFORE)
    for ring in told:
        keys.take(ring)
    assert keys.ring == DURING
    assert keys.take(AFTER)
    assert keys.ring == AFTER


async def test_it_waits_for_a_front_door(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keyholder(BEFORE)
    waiting = asyncio.create_task(keys.first())
    await asyncio.sleep(0)
    assert not waiting.done()
    keys.take(BEFORE)
    await waiting
    monkeypatch.setattr(keyholder, "FIRST_S", 0.0)
    with pytest.raises(OverloadedError):
        await Keyholder(BEFORE).first()


async def test_what_does_not_open_then_waits_for_the_other_front_doors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyholder, "OTHERS_S", 0.05)
    keys = Keyholder(BEFORE)
    keys.take(BEFORE)
    waiting = asyncio.create_task(keys.newer())
    await asyncio.sleep(0)
    keys.take(DURING)
    assert await waiting
    assert not await keys.newer()
