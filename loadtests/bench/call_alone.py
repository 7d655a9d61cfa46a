"""What a streamed call costs alone, in conversations of so many turns, so many of them at once.

    python -m loadtests.bench.call_alone lean http://127.0.0.1:8001 --turns 10 --at-once 32

`lean` is our model port, `pydantic-ai` and `bare` (aiohttp and msgspec, nothing else) are floors. Prints as JSON, for
each protocol, the seconds of CPU of this process that each turn's call took, on average over all conversations.
"""

import asyncio
import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import aiohttp
import msgspec

from loadtests.bench.endpoint import MODELS, PROVIDERS
from loadtests.protocols import PATHS, environment

ROUNDS: Final = 3
SAY: Final = "Say something"
KEY: Final = "sk-bench"
Json = dict[str, Any]
Turn = Callable[[], Awaitable[None]]  # take the next turn of one conversation
Opening = Callable[[str], Turn]  # open a conversation in a protocol


@asynccontextmanager
async def lean(url: str) -> AsyncIterator[Opening]:
    """Call through our own port."""
    from runtime.core.message import Message, Role, TextPart, Turned  # noqa: PLC0415  not what floors are measured with
    from runtime.models.router import Models  # noqa: PLC0415
    from runtime.ports.model import ModelRef, ModelReply, ModelRequest  # noqa: PLC0415
    from runtime.process.settings import ModelSettings  # noqa: PLC0415

    models = Models(ModelSettings(), environment(url, KEY))

    def open_conversation(protocol: str) -> Turn:
        ref = ModelRef("model_1", PROVIDERS[protocol], MODELS[protocol], "provider_1")
        history: list[Turned] = []

        def add(role: Role, text: str, private: msgspec.Raw | None = None) -> None:
            name = f"message_{id(history)}_{len(history)}"
            message = Message(id=name, role=role, content=(TextPart(text),), created_at="2026-01-01T00:00:00.000Z")
            history.append(Turned(message, private if private is not None else msgspec.UNSET))

        async def turn() -> None:
            add(Role.USER, SAY)
            async for item in models.stream(ModelRequest(model=ref, system="", history=tuple(history))):
                if isinstance(item, ModelReply):
                    add(Role.AGENT, item.text, item.private)

        return turn

    yield open_conversation
    await models.aclose()


@asynccontextmanager
async def pydantic_ai(url: str) -> AsyncIterator[Opening]:
    """Call through pydantic-ai and the vendors' SDKs."""
    from pydantic_ai.direct import model_request_stream  # noqa: PLC0415  takes seconds
    from pydantic_ai.messages import ModelMessage, ModelRequest, UserPromptPart  # noqa: PLC0415
    from pydantic_ai.models import Model  # noqa: PLC0415
    from pydantic_ai.models.anthropic import AnthropicModel  # noqa: PLC0415
    from pydantic_ai.models.google import GoogleModel  # noqa: PLC0415
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel  # noqa: PLC0415
    from pydantic_ai.providers.anthropic import AnthropicProvider  # noqa: PLC0415
    from pydantic_ai.providers.google import GoogleProvider  # noqa: PLC0415
    from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415

    openai = OpenAIProvider(base_url=f"{url}/v1", api_key=KEY)
    models: Mapping[str, Model] = {
        "responses": OpenAIResponsesModel(MODELS["responses"], provider=openai),
        "chat": OpenAIChatModel(MODELS["chat"], provider=openai),
        "anthropic": AnthropicModel(MODELS["anthropic"], provider=AnthropicProvider(base_url=url, api_key=KEY)),
        "gemini": GoogleModel(MODELS["gemini"], provider=GoogleProvider(base_url=url, api_key=KEY)),
    }

    def open_conversation(protocol: str) -> Turn:
        messages: list[ModelMessage] = []

        async def turn() -> None:
            messages.append(ModelRequest(parts=[UserPromptPart(SAY)]))
            async with model_request_stream(models[protocol], messages, instrument=False) as answer:
                async for _ in answer:
                    pass
            messages.append(answer.get())

        return turn

    yield open_conversation


class _Event(msgspec.Struct):
    """What has words in some protocol."""

    type: str = ""
    delta: str | Json | None = None
    choices: list[Json] = []
    candidates: list[Json] = []

    @property
    def text(self) -> str:
        """The words."""
        if isinstance(self.delta, str):
            return self.delta
        if self.candidates:
            return str(self.candidates[0]["content"]["parts"][0].get("text", ""))
        delta: Json = self.choices[0]["delta"] if self.choices else self.delta or {}
        return str(delta.get("content") or delta.get("text") or "")


@asynccontextmanager
async def bare(url: str) -> AsyncIterator[Opening]:
    """Call with aiohttp and msgspec alone."""
    decoder = msgspec.json.Decoder(_Event)
    paths = {protocol: path for path, protocol in PATHS.items()}

    def open_conversation(protocol: str) -> Turn:
        messages: list[Json] = []
        content = "parts" if protocol == "gemini" else "content"
        array = {"responses": "input", "gemini": "contents"}.get(protocol, "messages")
        to = url + paths[protocol].replace("{model}", MODELS[protocol])

        def add(role: str, text: str) -> None:
            messages.append({"role": role, content: [{"text": text}] if protocol == "gemini" else text})

        async def turn() -> None:
            add("user", SAY)
            body = msgspec.json.encode({"model": MODELS[protocol], "stream": True, array: messages})
            words: list[str] = []
            async with http.post(to, data=body) as response:
                rest = b""
                while piece := await response.content.readany():
                    *lines, rest = (rest + piece).split(b"\n")
                    words += [decoder.decode(line[6:]).text for line in lines if line.startswith(b"data: {")]
            add("model" if protocol == "gemini" else "assistant", "".join(words))

        return turn

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        yield open_conversation


WAYS: Final[Mapping[str, Callable[[str], AbstractAsyncContextManager[Opening]]]] = {
    "lean": lean,
    "pydantic-ai": pydantic_ai,
    "bare": bare,
}


async def main(way: str, url: str, turns: int, at_once: int) -> None:
    """Hold the conversations, `at_once` together; the first round warms up."""
    costs: dict[str, list[float]] = {}
    async with WAYS[way](url) as opening:
        for protocol in MODELS:
            rounds = [await _conversations(opening, protocol, turns, at_once) for _ in range(ROUNDS + 1)]
            costs[protocol] = [sum(each) / ROUNDS / at_once for each in zip(*rounds[1:], strict=True)]
    sys.stdout.write(f"{json.dumps(costs)}\n")


async def _conversations(opening: Opening, protocol: str, turns: int, at_once: int) -> list[float]:
    conversations = [opening(protocol) for _ in range(at_once)]
    costs: list[float] = []
    for _ in range(turns):
        before = time.process_time()
        await asyncio.gather(*(turn() for turn in conversations))
        costs.append(time.process_time() - before)
    return costs


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("url")
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--at-once", type=int, default=1)
    asyncio.run(main(**vars(parser.parse_args())))
