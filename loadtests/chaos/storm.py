"""One run: users talk, faults strike, the dust settles, every session is spoken to once more, and all is counted."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from loadtests.chaos import checker
from loadtests.chaos.blow import Blow
from loadtests.chaos.board import Board
from loadtests.chaos.bystander import Bystander
from loadtests.chaos.checker import Finding, Outside, Promise
from loadtests.chaos.faults import Injector
from loadtests.chaos.hermit import Hermit
from loadtests.chaos.ledger import logs
from loadtests.chaos.plan import Fault, Kind
from loadtests.chaos.recovery import Quantiles, Recoveries
from loadtests.chaos.spy import Spy
from loadtests.chaos.witness import Witness, now, read_diary
from loadtests.chaos.workload import KINDS, Conversation, Errand, Surroundings, User, farewell, opening
from loadtests.chaos.world import World

TURNS_PER_SESSION: Final = 25
CATCH_UP_S: Final = 60.0  # at most, for who has not seen yet what the user has
AT_ONCE: Final = 12  # conversations at a time, of those that are spoken to once more
NAP_S: Final = 8.0
SECLUDED: Final = ("chatter", "worker", "asker")
SECLUDED_S: Final = 2.0
PATIENCE_S: Final = 120.0  # for one turn, whatever happens meanwhile

Tell = Callable[[str], None]


@dataclass
class Outcome:
    """What a run came to."""

    seed: int
    blows: list[Blow]
    findings: list[Finding]
    recoveries: dict[str, Quantiles]
    volume: Counter[str] = field(default_factory=Counter)
    took_s: float = 0.0

    @property
    def counts(self) -> dict[Promise, int]:
        """How often each promise was broken."""
        return checker.counts(self.findings)


class Storm:
    """A run in a world that is up. `users` are the kinds of those who talk."""

    def __init__(
        self, world: World, seed: int, users: Sequence[str], tell: Tell, patience_s: float = PATIENCE_S
    ) -> None:
        self._world = world
        self._seed = seed
        self._users = [User(number, kind, seed) for number, kind in enumerate(users)]
        self._tell = tell
        self._catch_up_s = min(CATCH_UP_S, patience_s)
        self._witness = Witness()
        self._surroundings = [
            Surroundings(client, world.addresses, self._witness, patience_s) for client in world.clients
        ]
        self._opened: list[set[str]] = [set() for _ in world.clients]  # sessions, by whose client
        self._spies = [
            Spy(client, world.addresses, partial(self._of_others, whose), seed)
            for whose, client in enumerate(world.clients)
        ]
        self._conversations: list[Conversation] = []
        self._talking: dict[User, Conversation] = {}
        self._is_over = asyncio.Event()
        self._dice = random.Random(f"storm {seed}")  # noqa: S311  reproduces a run, guards nothing

    async def run(self, faults: Collection[Fault]) -> Outcome:
        """Let the faults strike under load, and count."""
        began = now()
        async with Board(self._world, self._witness) as board:
            bystander = Bystander(self._world, board, self._seed, self._open, self._leave)
            injector = Injector(self._world, board, self._witness, bystander, self._nap, self._seclude)
            talking = [asyncio.create_task(self._talk(user)) for user in self._users]
            spying = [asyncio.create_task(spy.look()) for spy in self._spies]
            try:
                blows = await self._strike(board, injector, faults, [*talking, *spying])
                self._is_over.set()
                self._tell("the storm is over: waiting for the last turns")
                await asyncio.gather(*talking)
                self._tell(f"speaking to all {len(self._conversations)} sessions once more")
                await self._part()
            finally:
                for task in (*talking, *spying):
                    task.cancel()
                await asyncio.gather(
                    *talking, *spying, *(c.stop() for c in self._conversations), return_exceptions=True
                )
        self._tell("checking")
        outcome = await self._judge(blows)
        outcome.took_s = now() - began
        return outcome

    async def _strike(
        self, board: Board, injector: Injector, faults: Collection[Fault], clients: list["asyncio.Task[None]"]
    ) -> list[Blow]:
        blows: list[Blow] = []
        began = now()
        for number, fault in enumerate(faults, start=1):
            board.check()
            for client in clients:
                if client.done():
                    client.result()  # a bug of ours: better a traceback than a run without load
            blow = await injector.carry_out(fault)
            if blow is None:
                self._tell(f"{number:5} {now() - began:7.1f} s  {fault.kind}: no target")
                continue
            blows.append(blow)
            hit = f", {len(blow.victims)} running turns hit" if blow.victims else ""
            probed = f", a new session answered after {blow.probe_s:.2f} s" if blow.probe_s is not None else ""
            self._tell(f"{number:5} {blow.at - began:7.1f} s  {blow.kind}: {blow.detail}{hit}{probed}")
        return blows

    # ------------------------------------------------------------ users

    def _of_others(self, whose: int) -> set[str]:
        return {session_id for other, opened in enumerate(self._opened) if other != whose for session_id in opened}

    async def _open(self, kind: str, mine: str = "", whose: int = 0) -> Conversation | None:
        body = opening(kind, mine)
        surroundings = self._surroundings[whose]

        async def once(address: Callable[[], str]) -> str:
            url = f"{address()}/api/v1/sessions"
            async with surroundings.http.post(url, json=body, raise_for_status=True) as response:
                return str((await response.json())["id"])

        session_id = await self._world.patiently(once)
        if session_id is None:
            return None
        self._opened[whose].add(session_id)
        conversation = Conversation(session_id, kind, surroundings)
        self._conversations.append(conversation)
        return conversation

    async def _talk(self, user: User) -> None:
        """Turn after turn; now and then in a new session, while the old one is left in peace."""
        while not self._is_over.is_set():
            conversation = await self._open(user.kind, whose=user.number // len(KINDS) % len(self._opened))
            if conversation is None:
                continue
            self._talking[user] = conversation
            for _ in range(TURNS_PER_SESSION):
                await user.turn(conversation)
                if self._is_over.is_set():
                    return
            await self._leave(conversation)

    async def _leave(self, conversation: Conversation) -> None:
        """Hang up, once all have seen what the user has seen; who has not stays on."""
        end = conversation.eyes.idled
        for watcher in conversation.watchers:
            await watcher.until(lambda w=watcher: w.position >= end, self._catch_up_s)  # type: ignore[misc]  # a bound default
        if all(watcher.position == end for watcher in conversation.watchers):
            await conversation.stop()

    # ------------------------------------------------------------ what faults need

    async def _nap(self) -> float:
        """Have a third of all clients stop reading for a while."""
        for conversation in self._talking.values():
            conversation.watchers[-1].naps_s = NAP_S
        await asyncio.sleep(NAP_S)
        return NAP_S

    async def _seclude(self, fault: Fault) -> Blow:
        """Kill everything at one blow in a world of its own, where nobody reaps, and start it again at once."""
        at = now()
        hermit = Hermit()
        try:
            async with hermit:
                storm = Storm(hermit, self._seed, SECLUDED, lambda _: None)
                outcome = await storm.run([fault._replace(kind=Kind.EVERYTHING, pause_s=SECLUDED_S)])
                zombies = hermit.cell.zombies
        except (RuntimeError, TimeoutError) as err:
            finding = Finding(Promise.UNUSABLE, "-", f"the server did not come up: {err}")
            return Blow(Kind.UNREAPED, at, "not up again", 1, findings=[finding])
        finally:
            hermit.remove()
        (blow,) = outcome.blows
        detail = f"{blow.detail} beside {zombies} zombies, {outcome.volume['turns']} turns"
        return Blow(Kind.UNREAPED, at, detail, blow.kills, findings=outcome.findings)

    # ------------------------------------------------------------ afterwards

    async def _part(self) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(number: int, conversation: Conversation) -> None:
            async with gate:
                await self._say_farewell(conversation, farewell(f"f{self._seed}n{number}", conversation.kind))

        await asyncio.gather(*(one(n, c) for n, c in enumerate(self._conversations)))

    async def _say_farewell(self, conversation: Conversation, errand: Errand) -> None:
        conversation.start()
        message_id = await conversation.say(errand)
        is_answered = message_id is not None and await conversation.ended(message_id)
        conversation.evidence.is_usable = is_answered
        end = conversation.eyes.position
        for watcher in conversation.watchers:
            await watcher.until(lambda w=watcher: w.position >= end, self._catch_up_s)  # type: ignore[misc]  # a bound default
        await conversation.stop()

    async def _judge(self, blows: list[Blow]) -> Outcome:
        findings: list[Finding] = []
        recoveries = Recoveries()
        volume: Counter[str] = Counter()
        outside = Outside(read_diary(self._world.diary), self._world.vendor.by_nonce())
        intents: set[str] = set()
        unknown = set(self._witness.sessions)
        async for log in logs(self._world.dsn, list(self._witness.sessions)):
            evidence = self._witness.about(log.session_id)
            evidence.blows = [blow.at for blow in blows if log.session_id in blow.victims]
            unknown.discard(log.session_id)
            findings += checker.check(log, evidence, outside)
            intents |= checker.intents(log)
            recoveries.add_session(log, evidence.first_seen(), blows)
            volume.update(
                sessions=1,
                events=len(log.events),
                turns=sum(event.type == "turn.started" for event in log.events),
                quarantines=sum(event.data.get("error_code") == checker.QUARANTINED for event in log.events),
                messages=len(evidence.accepted),
                takeovers=log.epoch - 1,
                frames=sum(map(len, evidence.watchers.values())),
            )
        findings += checker.check_intents(intents, outside.diary)
        findings += [Finding(Promise.UNUSABLE, session_id, "the database does not know it") for session_id in unknown]
        findings += [finding for blow in blows for finding in blow.findings]
        recoveries.add_probes(blows)
        for conversation in self._conversations:
            for watcher in conversation.watchers:
                recoveries.add_connections(conversation.session_id, watcher.connections, blows)
                volume["connections"] += len(watcher.connections)
        findings += [finding for spy in self._spies for finding in spy.findings]
        volume["foreign sessions refused"] = sum(spy.refused for spy in self._spies)
        volume["tool runs"] = sum(line.what == "began" for lines in outside.diary.values() for line in lines)
        volume["model requests"] = len(self._world.vendor.requests)
        return Outcome(self._seed, blows, findings, recoveries.quantiles(), volume)
