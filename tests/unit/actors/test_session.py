"""What a session actor tells of itself."""

import asyncio
import pickle

import pytest

from actors import session
from actors.session import SessionActor, Started
from actors.site import Site
from runtime.core.placement.directory import Address
from runtime.process.settings import Settings


class Busy:
    """A host whose turns take long."""

    async def drain(self, _timeout_s: float) -> None:
        await asyncio.Event().wait()


async def test_whoever_is_drained_says_so_for_the_supervisor_that_asked_for_it_may_be_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "scrub", lambda: None)
    actor = SessionActor("session-1", Site("test", Settings.load(), "no database", "no cluster"))
    warm = Started("1", "node", 1, Address("127.0.0.1", 1, b""))
    actor._starting = asyncio.ensure_future(asyncio.sleep(0, warm))
    actor._host = Busy()  # type: ignore[assignment]  # what is asked of it here
    assert not (await actor.start()).is_draining
    draining = asyncio.ensure_future(actor.drain(60.0))
    await asyncio.sleep(0)
    told = await actor.start()
    draining.cancel()
    assert told.is_draining
    assert pickle.loads(pickle.dumps(told)) == told  # noqa: S301  our own bytes
