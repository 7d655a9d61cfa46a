"""The disk of the database is full: who asks is told, nothing accepted is lost, and room is all it takes to go on."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.client import Client, check, script, text_of
from tests.server import ONE_ACTOR, ServerProcess

DISK_BYTES: Final = 256 << 20
BLOCK: Final = b"\0" * (1 << 20)
LONG: Final = "word " * 20_000
ATTEMPTS: Final = 60
UNSHARE: Final = ["unshare", "--mount"]


def can_mount() -> bool:
    """Tell whether this machine lets us mount a disk that only the server sees."""
    probe = [*UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0  # noqa: S603  the command is ours
    except FileNotFoundError:
        return False


pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        not can_mount(), reason="a small disk of its own needs a mount namespace, which is refused here"
    ),
]


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Where the small disk is mounted, for the server only."""
    disk = tmp_path / "data" / "postgres"
    disk.mkdir(parents=True)
    return disk


@pytest.fixture
def server(tmp_path: Path, disk: Path) -> Iterator[ServerProcess]:
    mount = f'mount -t tmpfs -o size={DISK_BYTES},mode=711 tmpfs {disk} && exec "$@"'
    server = ServerProcess(tmp_path / "data", ONE_ACTOR, entrance=[*UNSHARE, "sh", "-c", mount, "sh"])
    yield server.start()
    server.stop()


async def test_full_disk_refuses_loses_nothing_and_recovers(server: ServerProcess, disk: Path) -> None:
    ballast = Path(f"/proc/{server.process.pid}/root{disk}/ballast")
    accepted: list[str] = []
    async with Client(server.url) as client:
        session_id = await client.open()
        await client.send(session_id, script({"say": "before"}))
        await client.until_idle(session_id)
        await asyncio.to_thread(_fill, ballast)
        refusal = await _speak_until_refused(client, session_id, accepted)
        assert refusal.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert int(refusal.headers["retry-after"]) >= 1
        assert refusal.json()["code"] in ("overloaded", "store_unavailable")
        await asyncio.to_thread(os.unlink, ballast)

        await client.until(lambda _: _is_accepted(client, session_id, accepted), "a message to be accepted again")
        await client.until_idle(session_id)
        said = await client.messages(session_id)
        assert set(accepted) <= {message["id"] for message in said}
        assert text_of(said[-1]) == "after"
        async with client.listen(session_id) as stream:
            events = await client.events(session_id)
            await stream.until(lambda: len(stream.durable) == len(events), "the whole log")
            check(stream, events)


async def _speak_until_refused(client: Client, session_id: str, accepted: list[str]) -> httpx.Response:
    """Fill what Postgres still had, one message at a time."""
    for _ in range(ATTEMPTS):
        reply = await _say(client, session_id, LONG)
        if not reply.is_success:
            return reply
        accepted.append(reply.json()["id"])
    message = "the disk is not full"
    raise AssertionError(message)


async def _is_accepted(client: Client, session_id: str, accepted: list[str]) -> bool:
    reply = await _say(client, session_id, script({"say": "after"}))
    if reply.is_success:
        accepted.append(reply.json()["id"])
    return reply.is_success


async def _say(client: Client, session_id: str, text: str) -> httpx.Response:
    body = {"message": {"content": [{"type": "text", "text": text}]}}
    return await client.http.post(f"/sessions/{session_id}/messages", json=body)


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(BLOCK) == len(BLOCK):
                pass
        except OSError:
            return
