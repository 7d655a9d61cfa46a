"""Those who open sessions of their own for a fault that needs one: to see whether it answers, or to have it kill."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp

from loadtests.chaos.blow import Blow
from loadtests.chaos.board import Board
from loadtests.chaos.checker import Finding, Promise
from loadtests.chaos.garbage import Garbage
from loadtests.chaos.mined import Place, mine_of
from loadtests.chaos.plan import Fault, Kind
from loadtests.chaos.witness import now
from loadtests.chaos.workload import Conversation, Errand, farewell, from_model, from_tools, poison, slow
from loadtests.chaos.world import World

STOPPED_S: Final = 120.0  # in which a session that kills is stopped: several processes start meanwhile
OWNED_S: Final = 10.0
POLL_S: Final = 0.1
KINDS_AT_ONCE: Final = 3

Open = Callable[[str, str], Awaitable[Conversation | None]]
Leave = Callable[[Conversation], Awaitable[None]]


class Bystander:
    """`open_session` opens one for a kind of user, with a mine of that name if there is one; `leave` hangs up."""

    def __init__(self, world: World, board: Board, seed: int, open_session: Open, leave: Leave) -> None:
        self._world = world
        self._board = board
        self._seed = seed
        self._open = open_session
        self._leave = leave
        self._count = 0
        self._babbler: Conversation | None = None

    async def probe(self) -> float:
        """Open a session, speak to it, and return the seconds until it has answered."""
        began = now()
        nonce = self._nonce("p")
        conversation = await self._open("chatter", "")
        if conversation is None:
            return now() - began
        await self._turn(conversation, farewell(nonce, "chatter"))
        took_s = now() - began
        await self._leave(conversation)
        return took_s

    async def poison(self, _: Fault) -> Blow:
        """Speak to a session that kills its actor every time, until its turn has ended."""
        blow = Blow(Kind.POISON, now(), "not quarantined in time")
        nonce = self._nonce("x")
        conversation = await self._open("worker", "")
        if conversation is not None:
            conversation.evidence.excused = "poisoned on purpose"
            if await self._turn(conversation, poison(nonce)):
                blow.detail = f"quarantined after {now() - blow.at:.1f} s"
        return blow

    async def babble(self, fault: Fault) -> Blow:
        """Have tools return garbage and a model say it, in a session that remembers all that it ever heard."""
        blow = Blow(Kind.TOOL_GARBAGE, now(), "")
        dice = random.Random(fault.chance)  # noqa: S311  reproduces a run, guards nothing
        kinds, said = dice.sample(tuple(Garbage), KINDS_AT_ONCE), dice.choice(tuple(Garbage))
        blow.detail = f"{', '.join(kinds)} of tools, {said} of a model"
        self._babbler = self._babbler or await self._open("worker", "")
        if self._babbler is not None:
            await self._turn(self._babbler, from_tools(self._nonce("g"), kinds))
            await self._turn(self._babbler, from_model(self._nonce("g"), said))
        return blow

    # ------------------------------------------------------------ mines

    async def mine(self, fault: Fault) -> Blow | None:
        """Have a session kill whoever brings it to life, at rest or in a turn, until it is stopped; then disarm it."""
        nonce = self._nonce("m")
        ways = {"at rest": Place.LOADING, "in a turn": Place.LOADING, "as its turn begins": Place.COMPOSING}
        way = list(ways)[int(fault.chance * len(ways))]
        conversation = await self._open("worker", nonce)
        if conversation is None:
            return None
        conversation.evidence.excused = "mined on purpose"
        message_id = await conversation.say(slow(nonce))
        eyes = conversation.eyes
        if way == "in a turn":
            await eyes.until(lambda: message_id in eyes.inputs, conversation.patience_s)
        elif message_id is not None:
            await conversation.ended(message_id)
        name = conversation.session_id if ways[way] is Place.LOADING else nonce
        mine = mine_of(self._world.mines, ways[way], name)
        owner = await self._board.owner(conversation.session_id, OWNED_S)
        if owner is None:
            return None
        mine.touch()
        blow = self._kill_owner(owner, way)
        goes_on = way == "in a turn" and conversation.session_id in blow.victims
        errands = [] if goes_on else [farewell(self._nonce("m"), "worker")]
        asking = [asyncio.create_task(self._turn(conversation, errand)) for errand in errands]
        try:
            await self._stopped(conversation, blow)
        finally:
            mine.unlink()
            await asyncio.gather(*asking)
        await self._turn(conversation, farewell(self._nonce("m"), "worker"))
        return blow

    def _kill_owner(self, owner: str, way: str) -> Blow:
        """Kill the actor that holds a session: the next one has to load it, and to compose its agent."""
        blow = Blow(Kind.MINE, now(), way, victims=self._board.residents({owner}))
        if (pid := self._board.pid_of(owner)) is not None:
            blow.kills = int(self._world.send(pid, signal.SIGKILL))
        return blow

    async def _stopped(self, conversation: Conversation, blow: Blow) -> None:
        """Wait until a session that kills is in quarantine."""
        while now() < blow.at + STOPPED_S:
            if await self._is_stopped(conversation.session_id):
                blow.detail += f": quarantined after {now() - blow.at:.1f} s"
                return
            await asyncio.sleep(POLL_S)
        blow.detail += ": not quarantined in time"
        blow.findings.append(Finding(Promise.POISON_LOOSE, conversation.session_id, blow.detail))

    async def _is_stopped(self, session_id: str) -> bool:
        async def ask(address: Callable[[], str]) -> str:
            url = f"{address()}/api/v1/durable/sessions/{session_id}"
            timeout = aiohttp.ClientTimeout(5)
            async with self._world.http.get(url, raise_for_status=True, timeout=timeout) as response:
                return str((await response.json())["quarantined"])

        return await self._world.patiently(ask) == str(True)

    # ------------------------------------------------------------ speaking

    async def _turn(self, conversation: Conversation, errand: Errand) -> bool:
        message_id = await conversation.say(errand)
        return message_id is not None and await conversation.ended(message_id)

    def _nonce(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._seed}n{self._count}"
