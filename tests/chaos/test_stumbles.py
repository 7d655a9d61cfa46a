"""Who stumbles in a loop must end, and the harness sees whether it did."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from loadtests.chaos import stumbles
from loadtests.chaos.blow import Blow
from loadtests.chaos.board import Board, Row
from loadtests.chaos.checker import Promise
from loadtests.chaos.plan import Fault, Kind
from loadtests.chaos.stumbles import Stumbles
from loadtests.chaos.witness import Witness
from loadtests.chaos.world import World

pytestmark = pytest.mark.chaos
HIT, AT_REST, ELSEWHERE = (f"session_{number}" for number in range(3))
COMES_BY = 'until [ -e "$0" ]; do sleep 0.01; done; mv "$0" "$0.$$"'
JOURNAL = Fault(Kind.STUMBLE, None, 0.0, 0.0)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    world.fail_points.mkdir()
    yield world
    await asyncio.gather(*(client.close() for client in world.clients))
    world.remove()


@pytest.fixture
def board(world: World) -> Board:
    board = Board(world, Witness())
    board.rows = {
        HIT: Row(3, 10, "active", "session-1"),
        AT_REST: Row(1, 10, "idle", "session-1"),
        ELSEWHERE: Row(2, 10, "active", "session-2"),
    }
    return board


async def stumble(world: World, board: Board, script: str, *, is_known: bool = True) -> Blow:
    """Have whoever comes by stumble; the script is the actor in which the first session lives."""
    actor = await asyncio.create_subprocess_exec("sh", "-c", script, str(world.fail_points / "loop.journal"))
    board._pids = {"session-2": os.getpid()} | ({"session-1": actor.pid} if is_known else {})
    try:
        blow = await Stumbles(world, board, never, never).inside(JOURNAL)
    finally:
        if actor.returncode is None:
            actor.kill()
        await actor.wait()
    assert blow is not None
    return blow


async def never(*_: object) -> Any:
    raise AssertionError


async def test_who_ended_is_counted_with_the_turns_that_ran_there(world: World, board: Board) -> None:
    blow = await stumble(world, board, COMES_BY)
    assert (blow.kills, blow.victims, blow.findings) == (1, {HIT: 3}, [])


async def test_who_ended_is_known_though_nobody_had_heard_of_it(world: World, board: Board) -> None:
    blow = await stumble(world, board, COMES_BY, is_known=False)
    assert (blow.kills, blow.victims, blow.findings) == (1, {}, [])


async def test_who_lives_on_without_its_loop_is_found(
    world: World, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stumbles, "END_S", 2.0)
    blow = await stumble(world, board, f"{COMES_BY}; exec sleep 600")
    assert [finding.promise for finding in blow.findings] == [Promise.LOOP_OVER]


async def test_a_loop_that_stands_still_is_found_and_armed_no_longer(
    world: World, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stumbles, "TURN_S", 0.1)
    blow = await stumble(world, board, "exec sleep 600")
    assert [finding.promise for finding in blow.findings] == [Promise.LOOP_OVER]
    assert not list(world.fail_points.iterdir())
