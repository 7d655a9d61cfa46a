"""What a front door makes of a supervisor that is there and cannot place sessions yet."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from ray.exceptions import RayTaskError

from actors.gateway import RayGateway
from actors.site import SUPERVISOR
from api import server
from runtime.core.errors import OverloadedError
from runtime.ports.gateway import STARTING, ActorInfo


class Method:
    """A method as a Ray handle has it."""

    def __init__(self, call: Callable[..., Coroutine[Any, Any, Any]]) -> None:
        self.remote = call


class Waiting:
    """A supervisor that waits for its database; once it was asked often enough, it is gone."""

    def __init__(self, patience: int = 9) -> None:
        self.state = STARTING
        self.asked = 0
        self.actor = Method(self._actor)
        self._patience = patience

    async def _actor(self, name: str) -> ActorInfo:
        await asyncio.sleep(0)
        self.asked += 1
        if self.asked > self._patience:
            raise RayTaskError("actor", "", OverloadedError(1.0, "gone"))  # type: ignore[no-untyped-call]
        return ActorInfo(
            name=name,
            role="supervisor",
            actor_id=None,
            node_id=None,
            pid=1,
            state=self.state,
            sessions=0,
            rss_bytes=0,
            started_at="",
        )


async def test_a_supervisor_that_is_starting_is_there_but_is_not_ready() -> None:
    supervisor = Waiting()
    gateway = RayGateway(supervisor, "front-door-1")
    assert await gateway.actor(SUPERVISOR) is not None
    with pytest.raises(OverloadedError):
        await gateway.check()
    supervisor.state = "live"
    await gateway.check()


async def test_ray_is_not_lost_while_the_supervisor_answers_though_it_cannot_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else each front door would cut its clients off and begin anew, over and over, while the database is away."""
    monkeypatch.setattr(server, "RAY_CHECK_S", 0.0)
    supervisor = Waiting(patience=5)
    await server._until_ray_is_lost(None, RayGateway(supervisor, "front-door-1"))
    assert supervisor.asked == 5 + server.RAY_SILENCES
