"""Loads pydantic-ai, a vendor's SDK and the prices of models when they are first needed: together they take seconds.

What goes to vendors through pydantic-ai (`vendor.py`) imports it itself, so `router.py` loads it as late.
"""

import asyncio
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final

from runtime.models.vendors import Api, Vendor

_MODELS: Final[Mapping[Api, str]] = {
    Api.RESPONSES: "openai:OpenAIResponsesModel",
    Api.CHAT: "openai:OpenAIChatModel",
    Api.OPENROUTER: "openrouter:OpenRouterModel",
    Api.ANTHROPIC: "anthropic:AnthropicModel",
    Api.GEMINI: "google:GoogleModel",
    Api.VERTEX: "google:GoogleModel",
    Api.CONVERSE: "bedrock:BedrockConverseModel",
}
_SDKS: Final[Mapping[Api, str]] = {
    Api.RESPONSES: "openai:AsyncOpenAI",
    Api.CHAT: "openai:AsyncOpenAI",
    Api.OPENROUTER: "openai:AsyncOpenAI",
    Api.ANTHROPIC: "anthropic:AsyncAnthropic",
}


LOGINS: Final[Mapping[Api, Sequence[str]]] = {
    Api.VERTEX: ("runtime.models.logins.google",),
    Api.CONVERSE: ("runtime.models.logins.aws", "runtime.models.dialects.converse.frames"),
}


async def preload_login(vendor: Vendor) -> None:
    """Import what a call to a cloud needs beside its dialect, where it is not here yet: it takes a moment."""
    for name in LOGINS.get(vendor.api, ()):
        if name not in sys.modules:
            await asyncio.to_thread(import_module, name)


def preload(vendors: Iterable[Vendor]) -> None:
    """Import everything that calls to these vendors need. Blocks for seconds: call it outside the event loop."""
    for vendor in vendors:
        provider_class(vendor)
        model_class(vendor)
        preload_prices()


def preload_prices() -> None:
    """Read the prices of all models. Blocks for a moment."""
    import_module("genai_prices.data_snapshot").get_snapshot()


def provider_class(vendor: Vendor) -> Any:
    """Return pydantic-ai's provider class for a vendor."""
    return _load(f"pydantic_ai.providers.{vendor.provider_class}")


def model_class(vendor: Vendor) -> Any:
    """Return pydantic-ai's model class for the protocol that a vendor speaks."""
    return _load(f"pydantic_ai.models.{_MODELS[vendor.api]}")


def client_class(vendor: Vendor) -> Any:
    """Return the client of a vendor's SDK; Gemini's is made by pydantic-ai."""
    return _load(_SDKS[vendor.api])


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
