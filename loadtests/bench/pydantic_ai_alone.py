"""A floor: what one streamed call costs pydantic-ai itself, when the conversation has so many turns behind it.

Prints seconds of CPU a call, of this process, on average over a conversation of `turns` turns.
"""

import asyncio
import sys
import time
from argparse import ArgumentParser
from typing import Final

from openai import AsyncOpenAI
from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import ModelMessage, ModelRequest, UserPromptPart
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

CONVERSATIONS: Final = 12


async def main(url: str, turns: int) -> None:
    """Hold one conversation after the other; the first one warms up."""
    client = AsyncOpenAI(api_key="sk-bench", base_url=f"{url}/v1", max_retries=0)
    model = OpenAIChatModel("bench", provider=OpenAIProvider(openai_client=client))
    await _converse(model, turns)
    before = time.process_time()
    for _ in range(CONVERSATIONS):
        await _converse(model, turns)
    sys.stdout.write(f"{(time.process_time() - before) / CONVERSATIONS / turns}\n")


async def _converse(model: OpenAIChatModel, turns: int) -> None:
    messages: list[ModelMessage] = []
    for _ in range(turns):
        messages.append(ModelRequest(parts=[UserPromptPart("Say something")]))
        async with model_request_stream(model, messages, instrument=False) as answer:
            async for _ in answer:
                pass
        messages.append(answer.get())


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("turns", type=int)
    asyncio.run(main(**vars(parser.parse_args())))
