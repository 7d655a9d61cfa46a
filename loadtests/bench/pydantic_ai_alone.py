"""A floor: what a streamed call costs pydantic-ai itself, in conversations of so many turns, so many of them at once.

Prints seconds of CPU a call, of this process, on average over the conversations.
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

ROUNDS: Final = 2


async def main(url: str, turns: int, at_once: int) -> None:
    """Hold the conversations, `at_once` together; the first round warms up."""
    client = AsyncOpenAI(api_key="sk-bench", base_url=f"{url}/v1", max_retries=0)
    model = OpenAIChatModel("bench", provider=OpenAIProvider(openai_client=client))
    for number in range(ROUNDS + 1):
        if number == 1:
            before = time.process_time()
        await asyncio.gather(*(_converse(model, turns) for _ in range(at_once)))
    sys.stdout.write(f"{(time.process_time() - before) / ROUNDS / at_once / turns}\n")


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
    parser.add_argument("at_once", type=int)
    asyncio.run(main(**vars(parser.parse_args())))
