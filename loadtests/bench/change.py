"""A change of a provider while turns run: how long until an actor's first turn that goes by it has ended.

It is taken out of use: what may be called is remembered, and what may not is asked for each time.
"""

import asyncio
import random
import time
from statistics import median
from typing import Final

from loadtests.bench.endpoint import MODELS
from loadtests.bench.figure import Aim, Figure, quantile
from loadtests.bench.run import Conversation, Run, conversation
from loadtests.bench.talk import SAY
from loadtests.client import Client
from loadtests.server import beside

SESSIONS: Final = 4
LOOK_S: Final = 0.5  # after so long, an actor has looked at the change before
PROVIDERS: Final = "/api/v1/providers"


async def measure(run: Run) -> list[Figure]:
    """Take a provider out of use, again and again, while sessions talk with its model without a pause."""
    async with beside("loadtests.bench.endpoint") as url, run.server() as server, Client(server.url) as client:
        body = {"name": "Bench", "provider_type": "openai_compatible", "base_url": f"{url}/v1"}
        path = f"{PROVIDERS}/{(await client.post(PROVIDERS, body))['id']}"
        named = {"model_id": MODELS["chat"], "display_name": "Any"}
        model = await client.post(f"{path}/models", named)
        opened = [await conversation(client, model["id"]) for _ in range(SESSIONS)]
        await asyncio.gather(*(client.turn(*each, SAY) for each in opened))
        actors = {(await client.get(f"/api/v1/durable/sessions/{each[0]}"))["actor"]["name"] for each in opened}
        run.progress(f"change: {run.scale.changes} times, {SESSIONS} sessions in {len(actors)} actors ...")
        delays_ms: list[float] = []
        for _ in range(run.scale.changes):
            await client.patch(path, {"status": "active"})
            await asyncio.gather(*(_seen(client, each, is_active=True) for each in opened))
            until = time.perf_counter() + LOOK_S + random.uniform(0, LOOK_S)  # noqa: S311  anywhere between two looks
            await asyncio.gather(*(_talk(client, each, until) for each in opened))
            await client.patch(path, {"status": "disabled"})
            changed = time.perf_counter()
            seen = await asyncio.gather(*(_seen(client, each, is_active=False) for each in opened))
            delays_ms += [(at - changed) * 1000 for at in seen]
    return [
        Figure("change of a provider to the end of the first turn by it p50", median(delays_ms), "ms"),
        Figure("change of a provider to the end of the first turn by it p95", quantile(delays_ms, 0.95), "ms",
               aim=Aim(1000)),
    ]  # fmt: skip


async def _talk(client: Client, opened: Conversation, until: float) -> None:
    while time.perf_counter() < until:
        await client.turn(*opened, SAY)


async def _seen(client: Client, opened: Conversation, *, is_active: bool) -> float:
    """Return when the first turn ended that a model has answered, or, as is wanted, that none has."""
    while True:
        turn = await client.turn(*opened, SAY)
        if (turn.first_s > 0) is is_active:
            return time.perf_counter()
