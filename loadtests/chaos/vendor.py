"""A model endpoint that speaks every vendor's protocol and counts who asked it what, and when.

A user's message says what is wanted of it: `nonce=… words=… tool=…`. The first call of a turn asks for the tool,
if there is one; the last says the nonce and the words.
"""

import asyncio
import contextlib
import json
import re
import time
from collections.abc import Mapping
from enum import StrEnum
from itertools import groupby
from typing import Any, Final, NamedTuple, Self

from aiohttp import web

from loadtests.chaos.garbage import TEXTS, Garbage
from loadtests.protocols import PATHS, Called, Said, environment, frames, heard

MODELS: Final = ("openai:chaos", "openai_completions:chaos", "anthropic:chaos", "gemini:chaos")
PACE_S: Final = 0.04  # between two words
DRIP_S: Final = 0.5
BODY_BYTES: Final = 256 << 20  # a conversation remembers what was babbled
_WANTED: Final = re.compile(r"nonce=(?P<nonce>\w+) words=(?P<words>\d+)(?: tool=(?P<tool>\w+))?")

Json = dict[str, Any]


class Mood(StrEnum):
    """How the endpoint treats those who ask."""

    WELL = "well"
    BUSY = "answers 429"
    BREAKS = "breaks off in mid-answer"
    DRIPS = "drips"
    GARBAGE = "returns garbage"
    BABBLES = "says garbage"


class ModelRequest(NamedTuple):
    """One request as it came: for which message, the how-manieth call of its turn, when (monotonic seconds).

    `is_babbled` says that the answer was well formed, and garbage.
    """

    nonce: str
    call_index: int
    at: float
    is_babbled: bool = False


class Vendor:
    """The endpoint. `requests` holds everything that was ever asked."""

    def __init__(self) -> None:
        self.mood = Mood.WELL
        self.requests: list[ModelRequest] = []
        self._url = ""
        self._runner: web.AppRunner | None = None
        self._babbled = 0

    def environment(self) -> dict[str, str]:
        """Return keys and addresses under which a server finds this endpoint, whichever protocol it speaks."""
        return environment(self._url, "chaos")

    def by_nonce(self) -> dict[str, list[ModelRequest]]:
        """Return the requests by the message that they were made for."""
        found: dict[str, list[ModelRequest]] = {}
        for request in self.requests:
            found.setdefault(request.nonce, []).append(request)
        return found

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=BODY_BYTES)
        for path in PATHS:
            app.router.add_post(path, self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        resource = request.match_info.route.resource
        protocol = PATHS[resource.canonical if resource else request.path]
        try:
            wanted, call_index = _read(protocol, await request.json())
        except ConnectionError:  # whoever asked has died
            return web.Response()
        mood = self.mood
        babble = self._babble() if mood is Mood.BABBLES else None
        self.requests.append(ModelRequest(wanted["nonce"], call_index, time.monotonic(), babble is not None))
        if mood is Mood.BUSY:
            return web.json_response({"error": {"message": "busy"}}, status=429, headers={"retry-after": "1"})
        if mood is Mood.GARBAGE:
            return web.Response(body=b"\x00\xff not an answer", content_type="text/event-stream")
        sent = frames(protocol, _said(wanted, call_index, babble), "chaos", len(self.requests))
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):  # whoever asked has died
            for number, frame in enumerate(sent):
                if mood is Mood.BREAKS and number == len(sent) // 2 and request.transport is not None:
                    request.transport.close()
                await response.write(frame)
                await asyncio.sleep(DRIP_S if mood is Mood.DRIPS else PACE_S)
        return response

    def _babble(self) -> Garbage:
        """Say each kind of garbage in turn."""
        self._babbled += 1
        return tuple(Garbage)[self._babbled % len(Garbage)]


def text_for(nonce: str, words: int) -> str:
    """Return what the endpoint says in the end."""
    return " ".join([nonce, *(f"word{number}" for number in range(words))])


def _read(protocol: str, body: Json) -> tuple[Mapping[str, str], int]:
    """Return what the newest user message wants, and how many calls have been answered since."""
    calls = 0
    for is_agent, messages in groupby(reversed(list(heard(protocol, body))), key=lambda message: message.is_agent):
        calls += is_agent
        for message in messages:
            if found := _WANTED.search(message.text):
                return found.groupdict(""), calls
    return {"nonce": "none", "words": "1", "tool": ""}, calls


def _said(wanted: Mapping[str, str], call_index: int, babble: Garbage | None) -> Said:
    if wanted["tool"] and call_index == 0:
        return Said(calls=(Called(f"call_{wanted['nonce']}", wanted["tool"], _arguments(babble)),))
    if babble is not None:
        return Said(TEXTS[babble], is_in_one=True)
    return Said(text_for(wanted["nonce"], int(wanted["words"])))


def _arguments(babble: Garbage | None) -> str:
    """Return the arguments of the tool's call: readable ones, unless they are garbage."""
    if babble is None or babble is Garbage.BROKEN:
        return '{"ms": 300}' if babble is None else TEXTS[babble]
    why = TEXTS[babble] if babble is Garbage.DEEP else json.dumps(TEXTS[babble])
    return f'{{"ms": 300, "why": {why}}}'
