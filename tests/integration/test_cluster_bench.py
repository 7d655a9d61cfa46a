"""The benchmark of a big cluster: its rows are those of its plan, its Ray behaves as Ray does, and all of it runs."""

import asyncio
import math
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from ray.exceptions import ActorUnavailableError, RayTaskError

from loadtests.bench.figure import load
from loadtests.cluster.line import Handle, Line, listen
from loadtests.cluster.plan import SMALL, Plan, actor_name, agent_id, session_id
from loadtests.cluster.rows import RARE, fill
from runtime.core.errors import NotFoundError
from runtime.core.ids import hex_of
from runtime.store.pool import Pool, open_pool

ROOT = Path(__file__).parents[2]
SCALE = replace(
    SMALL, nodes=4, actors=16, doors=4, sessions=5_000, placed=2_000, in_turn=600, watched=100, agents=10, asked=200,
    changes=100, reads=3, seconds=1.0,
)  # fmt: skip
INDEXES = "SELECT array_agg(indexdef ORDER BY indexname) FROM pg_indexes WHERE schemaname = 'public'"
LAST = "SELECT e.type FROM sessions s JOIN events e ON e.session_id = s.id AND e.sequence = s.last_sequence"


async def test_rows_are_those_of_the_plan(empty_database: str, database: str) -> None:
    """Processes find sessions and actors by number alone, so SQL and Python must make the same of it."""
    plan = Plan("", empty_database, SCALE)
    await fill(plan, lambda _: None)
    async with opened(empty_database) as db, opened(database) as usual:
        assert await db.fetchval(INDEXES) == await usual.fetchval(INDEXES)
        await _check_rows(plan, db)


async def _check_rows(plan: Plan, db: Pool) -> None:
    rows = {f"session_{row['id'].hex}": row for row in await db.fetch("SELECT * FROM sessions")}
    assert set(rows) == {session_id(number) for number in range(SCALE.sessions)}
    for number in range(SCALE.placed):
        row = rows[session_id(number)]
        assert row["actor"] == actor_name(number * SCALE.actors // SCALE.placed)
        assert (row["status"] == "active") == plan.is_in_turn(number)
    assert all(rows[session_id(number)]["actor"] is None for number in range(SCALE.placed, SCALE.sessions))
    assert len(await db.fetch(LAST)) == SCALE.in_turn
    assert await db.fetchval("SELECT count(*) FROM sessions WHERE title = $1", RARE) == 1
    owned = "SELECT count(*) FROM sessions WHERE agent_id = $1"
    assert await db.fetchval(owned, hex_of(agent_id(1))) == SCALE.sessions // SCALE.agents


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[Pool]:
    pool = await open_pool(dsn, max_size=1)
    yield pool
    await pool.close()


class Oracle:
    """Somebody to call."""

    async def double(self, number: int) -> int:
        return 2 * number

    async def refuse(self) -> None:
        raise NotFoundError("session", "x")

    async def count(self, number: int) -> AsyncIterator[int]:
        for one in range(number):
            yield one

    async def think(self) -> None:
        await asyncio.Event().wait()


@pytest.fixture
async def oracle() -> AsyncIterator[Handle]:
    with tempfile.TemporaryDirectory(prefix="perdure-") as folder:
        path = str(Path(folder) / "oracle.sock")
        line = Line(path)
        async with await listen(path, Oracle()):
            yield Handle(line)
            await line.close()
            await asyncio.gather(*(task for task in asyncio.all_tasks() if "take" in repr(task.get_coro())))


async def test_calls_answer_fail_and_stream_as_those_of_ray(oracle: Handle) -> None:
    """What front doors catch is what they would catch of Ray."""
    assert await asyncio.gather(*(oracle.double.remote(n) for n in range(50))) == [2 * n for n in range(50)]
    with pytest.raises(RayTaskError) as caught:
        await oracle.refuse.remote()
    assert isinstance(caught.value.cause, NotFoundError)
    items = [await ref async for ref in oracle.count.options(num_returns="streaming").remote(3)]
    assert items == [0, 1, 2]


async def test_nobody_answers_where_nobody_is() -> None:
    """As Ray says of an actor that is being started again."""
    with pytest.raises(ActorUnavailableError):
        await Handle(Line("/nowhere/at/all.sock")).think.remote()


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_benchmark_measures_everything(tmp_path: Path) -> None:
    """On a cluster of sixteen actors every group gives its figures, and no process is lost on the way."""
    sizes = [f"--{name.replace('_', '-')}={value}" for name, value in vars(SCALE).items()]
    file = tmp_path / "figures.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "loadtests.cluster", "--json", str(file), *sizes,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    figures = load(file)
    assert len([figure for figure in figures.values() if figure.aim]) >= 15
    assert all(0 <= figure.value < math.inf for figure in figures.values())
