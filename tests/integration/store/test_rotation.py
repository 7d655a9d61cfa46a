"""Rotation: online, over kills, and losing nothing."""

import asyncio
import base64
import json
import signal
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from runtime.core.errors import InvalidInputError
from runtime.ports.secrets import Kind
from runtime.process.mint import new_id
from runtime.store.pool import Pool
from runtime.store.rotation import BATCH, KEYS, NEXT, SAMPLE, START, Rotation
from runtime.store.secrets import OwnedSecrets
from runtime.vault.envelope import reseal
from runtime.vault.keyring import Key, Keyring
from runtime.vault.local import LocalVault
from runtime.wiring.secrets import check_secrets
from tests.server import COMMAND
from tests.tenancy import RING, ours

OLD: Final = RING.current
NEW: Final = Key("test-2", bytes(range(32, 64)))
BOTH: Final = Keyring(NEW, OLD)
SECRETS: Final = 4 * BATCH
PATIENCE_S: Final = 60.0
READ: Final = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'secrets'"


def written(key: Key) -> str:
    return f"{key.key_id}:{base64.b64encode(key.material).decode()}"


def of_agent(db: Pool, ring: Keyring, agent_id: str) -> OwnedSecrets:
    return OwnedSecrets(ours(db), LocalVault(ring), Kind.AGENT, agent_id)


async def counted(db: Pool) -> dict[str, int]:
    return {use.key_id: use.secrets for use in await Rotation(db).uses()}


@pytest.fixture
async def agents(db: Pool) -> dict[str, dict[str, str]]:
    """Secrets by agent, sealed with the old key."""
    made = {new_id("agent"): {f"s{n}": f"{owner}-{n}" for n in range(BATCH)} for owner in range(SECRETS // BATCH)}
    for agent_id, values in made.items():
        await of_agent(db, RING, agent_id).put(values)
    return made


async def keys(
    database: str, *words: str, current: Key | None = NEW, previous: Key | None = OLD
) -> asyncio.subprocess.Process:
    """Run `perdure keys`."""
    given = {"SECRETS_ENCRYPTION_KEY": current, "SECRETS_ENCRYPTION_KEY_PREVIOUS": previous}
    environment = {name: written(key) for name, key in given.items() if key is not None}
    return await asyncio.create_subprocess_exec(
        COMMAND, "keys", *words, env={"DATABASE_URL": database, **environment},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.timeout(120)
async def test_rotation_under_load_with_kills_loses_no_value(
    db: Pool, database: str, agents: dict[str, dict[str, str]]
) -> None:
    """Promised: values are written all the while, by servers of before and of after, and the command is killed."""
    is_over = asyncio.Event()

    async def write(ring: Keyring, agent_id: str) -> int:
        number = 0
        while not is_over.is_set():
            name, value = f"s{number % BATCH}", f"new-{ring.current.key_id}-{number}"
            await of_agent(db, ring, agent_id).put({name: value})
            agents[agent_id][name] = value
            number += 1
        return number

    writers = [asyncio.create_task(write(*who)) for who in zip((Keyring(OLD, NEW), BOTH), agents, strict=False)]
    try:
        async with asyncio.timeout(PATIENCE_S):
            kills = [await begun_and_killed(database) for _ in range(2)]
    finally:
        is_over.set()
    written_meanwhile = await asyncio.gather(*writers)
    partly = await counted(db)
    last = await keys(database, "rotate")
    shown, errors = await last.communicate()
    assert last.returncode == 0, errors
    assert await counted(db) == {NEW.key_id: SECRETS}
    assert any(kills)
    assert partly[NEW.key_id] > 0
    assert all(written_meanwhile)
    assert f"{NEW.key_id}\t{SECRETS}\tcurrent".encode() in shown
    await require(db, agents)


async def begun_and_killed(database: str) -> bool:
    process = await keys(database, "rotate")
    assert process.stdout is not None
    assert (await process.stdout.readline()).startswith(b"rotated\t")
    process.kill()
    return await process.wait() == -signal.SIGKILL


async def require(db: Pool, agents: dict[str, dict[str, str]]) -> None:
    for agent_id, values in agents.items():
        stored = of_agent(db, Keyring(NEW), agent_id)
        assert {info.name for info in await stored.list()} == set(values)
        for name in (*list(values)[:20], *list(values)[-20:]):
            assert await stored.reveal(name) == values[name]


async def test_a_value_written_between_reading_and_writing_wins(db: Pool) -> None:
    agent_id = new_id("agent")
    await of_agent(db, RING, agent_id).put({"A": "before", "B": "kept"})
    rotating = Rotation(db)

    rows = await rotating._next(OLD.key_id, START)
    await of_agent(db, RING, agent_id).put({"A": "after"})
    assert await rotating._swap(rows, partial(reseal, BOTH), []) == 1
    assert await of_agent(db, BOTH, agent_id).reveal("A") == "after"
    await rotating.rotate(NEW.key_id, partial(reseal, BOTH), lambda _: None)
    assert await of_agent(db, Keyring(NEW), agent_id).reveal("A") == "after"
    assert await of_agent(db, Keyring(NEW), agent_id).reveal("B") == "kept"


async def test_what_does_not_open_is_told_and_left_as_it_is(db: Pool) -> None:
    agent_id = new_id("agent")
    await of_agent(db, RING, agent_id).put({"A": "1", "B": "2"})
    await db.execute(
        "UPDATE secrets SET envelope = jsonb_set(envelope, '{nonce}', '\"AAAAAAAAAAAAAAAA\"') WHERE name = 'A'"
    )
    unreadable = await Rotation(db).rotate(NEW.key_id, partial(reseal, BOTH), lambda _: None)
    assert len(unreadable) == 1
    assert "/A" in unreadable[0]
    assert await counted(db) == {OLD.key_id: 1, NEW.key_id: 1}


async def test_a_start_is_refused_with_keys_that_do_not_open_what_is_stored(db: Pool, database: str) -> None:
    await check_secrets(database, Keyring(NEW))  # nothing is stored
    await of_agent(db, RING, new_id("agent")).put({"A": "1"})
    await check_secrets(database, BOTH)
    for wrong in (Keyring(NEW), Keyring(Key(OLD.key_id, NEW.material))):
        with pytest.raises(InvalidInputError, match="SECRETS_ENCRYPTION_KEY_PREVIOUS") as caught:
            await check_secrets(database, wrong)
        assert caught.value.reason == "secrets_unreadable"


async def test_what_a_lost_key_sealed_can_be_given_up(db: Pool, database: str) -> None:
    await of_agent(db, RING, new_id("agent")).put({"A": "1"})
    await of_agent(db, Keyring(NEW), new_id("agent")).put({"A": "1"})
    status = await keys(database, "status", previous=None)
    shown, _ = await status.communicate()
    assert shown.decode().splitlines() == [f"{OLD.key_id}\t1\tmissing", f"{NEW.key_id}\t1\tcurrent"]
    assert (await (await keys(database, "discard", NEW.key_id, "--yes", previous=None)).wait()) == 1
    asking = await keys(database, "discard", OLD.key_id, previous=None)
    _, asked = await asking.communicate(b"n\n")
    assert (asking.returncode, await counted(db)) == (1, {OLD.key_id: 1, NEW.key_id: 1})
    assert f"Delete the 1 secrets, of all organisations, that the key '{OLD.key_id}' seals".encode() in asked
    assert (await (await keys(database, "discard", OLD.key_id, "--yes", previous=None)).wait()) == 0
    assert await counted(db) == {NEW.key_id: 1}


async def test_what_was_rotated_already_is_not_read_for_what_was_not(db: Pool) -> None:
    agent_id = new_id("agent")
    await of_agent(db, Keyring(NEW), agent_id).put({f"s{n}": "1" for n in range(BATCH)})
    await of_agent(db, RING, agent_id).put({"A": "1", "B": "2"})
    async with db.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")  # few as they are
        before = await connection.fetchval(READ)
        assert [row["key_id"] for row in await connection.fetch(KEYS)] == [OLD.key_id, NEW.key_id]
        samples = [json.loads(row["envelope"])["key_id"] for row in await connection.fetch(SAMPLE)]
        assert samples == [OLD.key_id, NEW.key_id]
        assert [row["name"] for row in await connection.fetch(NEXT, OLD.key_id, *START, BATCH)] == ["A", "B"]
        assert await connection.fetchval(READ) - before < 20


async def test_who_has_no_key_makes_none_and_deletes_nothing(db: Pool, database: str, data_dir: Path) -> None:
    await of_agent(db, RING, new_id("agent")).put({"A": "1"})
    commands = (["status"], ["rotate"], ["discard", OLD.key_id, "--yes"])
    running = [
        await keys(database, *words, "--data-dir", str(data_dir), current=None, previous=None) for words in commands
    ]
    said = [await each.communicate() for each in running]
    assert [each.returncode for each in running] == [0, 1, 1]
    assert all(b"No key is here" in errors for _, errors in said)
    assert said[0][0].decode() == f"{OLD.key_id}\t1\tmissing\n"
    assert not await asyncio.to_thread(data_dir.exists)
    assert await counted(db) == {OLD.key_id: 1}
