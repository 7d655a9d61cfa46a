"""Users under whose feet things break: what each says, does and waits for comes from the seed."""

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Final, NamedTuple

import aiohttp

from loadtests.chaos.diarist import Diarist
from loadtests.chaos.garbage import TEXTS, Garbage
from loadtests.chaos.vendor import MODELS, text_for
from loadtests.chaos.watcher import Json, Watcher
from loadtests.chaos.witness import Accepted, Evidence, Witness, now

POST_TIMEOUT_S: Final = 30.0
RETRY_S: Final = 0.1
WATCHERS: Final = 3
KINDS: Final = ("chatter", "worker", "asker", "buyer")  # a buyer talks to a vendor's model
_NEVER: Final = 1 << 60
_HOLE: Final = "hole"  # for what no encoder takes
ASK: Final = {"type": "client_side", "name": "ask", "description": "Asks.", "parameters": {"type": "object"}}
WORDS: Final = ("durable", "sessions", "outlive", "every", "crash", "that", "we", "could", "think", "of")

Door = Callable[[], str]


class Errand:
    """One message: what to write, and what the agent must say then, message by message; anything if it `is_mad`."""

    def __init__(self, nonce: str, text: str, replies: Sequence[str], *, is_mad: bool = False) -> None:
        self.nonce = nonce
        self.text = text
        self.replies = tuple(replies)
        self.is_mad = is_mad


class Surroundings(NamedTuple):
    """What every client has: a way to speak, addresses of front doors, a witness, and patience for one turn."""

    http: aiohttp.ClientSession
    doors: Sequence[Door]
    witness: Witness
    patience_s: float


class Conversation:
    """One session with those who watch it; the first watcher is the user's own eyes."""

    def __init__(self, session_id: str, kind: str, surroundings: Surroundings) -> None:
        self.session_id = session_id
        self.kind = kind
        self.patience_s = surroundings.patience_s
        self.evidence: Evidence = surroundings.witness.about(session_id)
        self._http, self._doors, self._witness = surroundings.http, surroundings.doors, surroundings.witness
        self.watchers = [Watcher(number, self.evidence, self._witness, self._doors) for number in range(WATCHERS)]
        self.start()

    @property
    def eyes(self) -> Watcher:
        """The user's own view."""
        return self.watchers[0]

    def start(self) -> None:
        """Have everyone watch."""
        for watcher in self.watchers:
            watcher.start(self._http)

    async def stop(self) -> None:
        """Have everyone hang up."""
        await asyncio.gather(*(watcher.stop() for watcher in self.watchers))

    async def say(self, errand: Errand) -> str | None:
        """Send a message until it is accepted; return its id, None if it never was."""
        self.evidence.attempted.add(errand.nonce)
        body = {"message": {"role": "user", "content": [{"type": "text", "text": errand.text}]}}
        reply = await self._post("messages", body, {"Idempotency-Key": errand.nonce})
        if reply is None:
            return None
        message_id = str(reply["id"])
        self.evidence.accepted.append(Accepted(message_id, errand.nonce, errand.replies, now(), errand.is_mad))
        self._witness.happened("accepted", self.session_id)
        return message_id

    async def ended(self, message_id: str) -> bool:
        """Wait until the turn of a message is over; False, and on record, if that takes too long."""
        eyes = self.eyes
        is_over = await eyes.until(lambda: eyes.idled > eyes.inputs.get(message_id, _NEVER), self.patience_s)
        if not is_over:
            self.evidence.stalled.append(f"{message_id} waited {self.patience_s:g} s for the end of its turn")
        return is_over

    async def answer(self, result: str) -> None:
        """Hand in the result of the client-side call that was asked for last."""
        call_ids = self.eyes.requested
        listed = [{"tool_call_id": call_id, "result": result} for call_id in call_ids]
        if await self._post("tool-results", {"tool_results": listed}, {}) is not None:
            self.evidence.results.update(dict.fromkeys(call_ids, result))

    async def cancel(self) -> None:
        """Stop the turn that runs."""
        await self._post("cancel", {}, {})

    async def _post(self, what: str, body: Json, headers: dict[str, str]) -> Json | None:
        deadline = now() + self.patience_s
        number = 0
        while now() < deadline:
            url = f"{self._doors[number % len(self._doors)]()}/api/v1/sessions/{self.session_id}/{what}"
            number += 1
            try:
                async with self._http.post(
                    url, json=body, headers=headers, timeout=aiohttp.ClientTimeout(POST_TIMEOUT_S)
                ) as response:
                    if response.ok:
                        reply: Json = await response.json()
                        return reply
                    self.evidence.last_refusal = f"{response.status} {(await response.text())[:200]}"
                    if response.status < 500 and response.status not in (408, 429):  # noqa: PLR2004  not for us to repeat
                        return None
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            await asyncio.sleep(RETRY_S)
        return None


class User:
    """Someone who talks, turn after turn, in the way of a kind."""

    def __init__(self, number: int, kind: str, seed: int) -> None:
        self.number = number
        self.kind = kind
        self._random = random.Random(f"{seed}/{number}")  # noqa: S311  reproduces a run, guards nothing
        self._prefix = f"n{seed}u{number}t"
        self._turns = 0

    def errand(self) -> Errand:
        """Think of the next message."""
        self._turns += 1
        nonce = f"{self._prefix}{self._turns}"
        if self.kind == "buyer":
            return _bought(nonce, self._random.randint(5, 25), self._random.choice(("", "write_once", "write_again")))
        return _scripted(nonce, *self._lines(nonce))

    async def turn(self, conversation: Conversation) -> None:
        """Send a message and see its turn to the end."""
        message_id = await conversation.say(errand := self.errand())
        if message_id is None:
            return  # refused for good: nothing was promised
        if self.kind == "asker":
            await self._answer(conversation, message_id)
        elif self.kind == "chatter":
            await self._interfere(conversation, errand)
        await conversation.ended(message_id)

    async def _answer(self, conversation: Conversation, message_id: str) -> None:
        """Answer, a while later, whatever the client is asked to do until the turn is over."""
        eyes, patience_s = conversation.eyes, conversation.patience_s

        def is_called() -> bool:
            return eyes.requested_at > max(eyes.answered_at, eyes.inputs.get(message_id, _NEVER))

        def is_over() -> bool:
            return eyes.idled > eyes.inputs.get(message_id, _NEVER)

        while await eyes.until(lambda: is_called() or is_over(), patience_s) and not is_over():
            eyes.answered_at = eyes.requested_at
            await asyncio.sleep(self._random.uniform(0, 1.5))
            await conversation.answer(f"answer {self._turns}")

    async def _interfere(self, conversation: Conversation, errand: Errand) -> None:
        """Now and then cancel the turn, or send another message into it."""
        chance = self._random.random()
        await asyncio.sleep(self._random.uniform(0, 1) if chance < 0.2 else 0)  # noqa: PLR2004
        if chance < 0.08:  # noqa: PLR2004
            conversation.evidence.cancelled.add(errand.nonce)
            await conversation.cancel()
        elif chance < 0.2:  # noqa: PLR2004
            steering = self.errand()
            message_id = await conversation.say(steering)
            if message_id is not None:
                await conversation.ended(message_id)

    def _lines(self, nonce: str) -> list[Json]:
        last = {"say": self._words(nonce), "tokens_per_second": self._random.randint(10, 40)}
        if self.kind == "worker":
            calls = [
                {"name": self._random.choice(("write_once", "write_again")), "arguments": {"ms": ms}}
                for ms in self._random.choices((5, 100, 400, 900), k=self._random.randint(1, 3))
            ]
            return [{"say": f"{nonce} works", "call": calls}, last]
        if self.kind == "asker":
            return [{"say": f"{nonce} asks", "call": [{"name": "ask"}]}, last]
        return [last]

    def _words(self, nonce: str) -> str:
        return " ".join([nonce, *self._random.choices(WORDS, k=self._random.randint(5, 40))])


_vendors: Final = cycle(MODELS)


def opening(kind: str, mine: str = "") -> Json:
    """Return how a session of a kind of user is opened, with a mine of that name if there is one.

    Buyers' sessions take the vendors' protocols in turn.
    """
    model = next(_vendors) if kind == "buyer" else "llmsim:sim-echo"
    body: Json = {"model_id": model, "harness_name": "base"}
    if kind in ("worker", "buyer"):
        body["capabilities"] = [{"ref": Diarist.id}]
    if mine:
        body["capabilities"] = [{"ref": Diarist.id}, {"ref": "chaos_mine", "config": {"name": mine}}]
    if kind == "asker":
        body["tools"] = [ASK]
    return body


def farewell(nonce: str, kind: str) -> Errand:
    """Return the message that every session must answer after the storm."""
    return _bought(nonce, 3) if kind == "buyer" else _scripted(nonce, {"say": f"{nonce} still here"})


def poison(nonce: str) -> Errand:
    """Return a message that kills the actor of its session every time."""
    return _scripted(nonce, {"say": "", "call": [{"name": "die"}]})


def slow(nonce: str) -> Errand:
    """Return a message whose turn works for long enough to be struck in the middle."""
    return _scripted(nonce, {"say": nonce, "call": [{"name": "write_again", "arguments": {"ms": 3000}}]}, _done(nonce))


def from_tools(nonce: str, kinds: Sequence[Garbage]) -> Errand:
    """Return a message whose tools return garbage, and fail with it; that is no reason for its turn to fail."""
    calls = [
        {"name": "write_garbage", "arguments": {"kind": k, "fails": fails}} for k in kinds for fails in (False, True)
    ]
    return _scripted(nonce, {"say": nonce, "call": calls}, _done(nonce))


def from_model(nonce: str, kind: Garbage) -> Errand:
    """Return a message to which the model says garbage, thinks it, and calls a tool with it."""
    text = TEXTS[kind]
    call = {"name": "write_again", "arguments": {"ms": 5, "why": _HOLE if kind is Garbage.DEEP else text}}
    errand = _scripted(nonce, {"say": text, "think": text, "call": [call]}, _done(nonce))
    return Errand(nonce, errand.text.replace(f'"{_HOLE}"', text), [], is_mad=True)


def _done(nonce: str) -> Json:
    return {"say": f"{nonce} done"}


def _scripted(nonce: str, *lines: Json) -> Errand:
    """Return a message for the simulated model, a line for each of its calls."""
    script = "\n".join(json.dumps(line) for line in lines)
    return Errand(nonce, f"{nonce}\n```sim\n{script}\n```", [line["say"] for line in lines])


def _bought(nonce: str, words: int, tool: str = "") -> Errand:
    """Return a message for the vendor's model."""
    text = text_for(nonce, words)
    wanted = f"nonce={nonce} words={words}"
    return Errand(nonce, f"{wanted} tool={tool}", ["", text]) if tool else Errand(nonce, wanted, [text])
