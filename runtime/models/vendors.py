"""The vendors, one row each. To add one whose protocol is spoken already, add a row.

How its models differ from others is a matter of its dialect: the `traits.py` of its room in `dialects`.
Only data: classes of pydantic-ai are named, not imported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Api(StrEnum):
    """Which protocol the vendor speaks."""

    RESPONSES = "responses"
    CHAT = "chat"
    OPENROUTER = "openrouter"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    VERTEX = "vertex"
    CONVERSE = "converse"


@dataclass(frozen=True, slots=True)
class Vendor:
    """One type of provider, as settings and the wire name it.

    `keys` are the settings that hold its API key, the first one set wins; `lent_keys` work too, but alone
    do not make its models appear in lists. `prices` is its name in genai-prices, `known` its prefix in
    pydantic-ai's list of known models. `model_vendor` is None where the SDK knows no word, since it refuses others.
    `output_tokens` is what a reply may have when the model's profile does not say. `account` tells providers of one
    type apart; `key_header` takes the key, where that is not `Authorization`.
    """

    type: str
    name: str
    api: Api
    keys: tuple[str, ...]
    base_url: str
    base_url_keys: tuple[str, ...]
    default_model: str
    provider_class: str
    prices: str
    known: str | None = None
    model_vendor: str | None = None
    lent_keys: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    output_tokens: int = 16_384
    account: str = ""
    key_header: str | None = None

    @property
    def recalled_as(self) -> str:
        """Under which name what it wants to see again is kept: another account cannot read it."""
        return self.account or self.type

    def api_key(self, environment: Mapping[str, str]) -> str | None:
        """Return the key to call it with, or None."""
        return _first(environment, (*self.keys, self._generic_key, *self.lent_keys))

    def is_configured(self, environment: Mapping[str, str]) -> bool:
        """Tell whether somebody gave this vendor a key of its own."""
        return _first(environment, (*self.keys, self._generic_key)) is not None

    def address(self, environment: Mapping[str, str]) -> str:
        """Return the base URL to call."""
        return _first(environment, self.base_url_keys) or self.base_url

    @property
    def variables(self) -> tuple[str, ...]:
        """The names under which its keys and addresses are given."""
        return (*self.keys, self._generic_key, *self.lent_keys, *self.base_url_keys)

    @property
    def _generic_key(self) -> str:
        return f"DEFAULT_{self.type.upper()}_API_KEY"


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    values = (environment.get(name, "").strip() for name in names)
    return next((value for value in values if value), None)


VENDORS: Final = (
    Vendor(
        type="openai",
        name="OpenAI",
        api=Api.RESPONSES,
        keys=("OPENAI_API_KEY",),
        base_url="https://api.openai.com/v1",
        base_url_keys=("OPENAI_BASE_URL",),
        default_model="gpt-6.1-terra",
        provider_class="openai:OpenAIProvider",
        prices="openai",
        known="openai",
        model_vendor="openai",
        aliases=("openai-responses",),
    ),
    Vendor(
        type="anthropic",
        name="Anthropic",
        api=Api.ANTHROPIC,
        keys=("ANTHROPIC_API_KEY",),
        base_url="https://api.anthropic.com",
        base_url_keys=("ANTHROPIC_BASE_URL",),
        default_model="claude-sonnet-5-5",
        provider_class="anthropic:AnthropicProvider",
        prices="anthropic",
        known="anthropic",
        model_vendor="anthropic",
    ),
    Vendor(
        type="gemini",
        name="Google Gemini",
        api=Api.GEMINI,
        keys=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        base_url="https://generativelanguage.googleapis.com",
        base_url_keys=("GEMINI_BASE_URL", "GOOGLE_GEMINI_BASE_URL"),
        default_model="gemini-3.8-flash",
        provider_class="google:GoogleProvider",
        prices="google",
        known="google",
        model_vendor="google",
        aliases=("google", "google-gla"),
        output_tokens=8_192,
    ),
    Vendor(
        type="openrouter",
        name="OpenRouter",
        api=Api.OPENROUTER,
        keys=("OPENROUTER_API_KEY",),
        base_url="https://openrouter.ai/api/v1",
        base_url_keys=("OPENROUTER_BASE_URL",),
        default_model="openrouter/auto",
        provider_class="openrouter:OpenRouterProvider",
        prices="openrouter",
    ),
    Vendor(
        type="xai",
        name="xAI",
        api=Api.CHAT,
        keys=("XAI_API_KEY", "GROK_API_KEY"),
        base_url="https://api.x.ai/v1",
        base_url_keys=("XAI_BASE_URL",),
        default_model="grok-4.7",
        provider_class="openai_compatible:OpenAICompatibleProvider",
        prices="x-ai",
        known="xai",
        model_vendor="xai",
        aliases=("grok",),
    ),
    Vendor(
        type="deepseek",
        name="DeepSeek",
        api=Api.CHAT,
        keys=("DEEPSEEK_API_KEY",),
        base_url="https://api.deepseek.com",
        base_url_keys=("DEEPSEEK_BASE_URL",),
        default_model="deepseek-flash",
        provider_class="deepseek:DeepSeekProvider",
        prices="deepseek",
        known="deepseek",
    ),
    Vendor(
        type="groq",
        name="Groq",
        api=Api.CHAT,
        keys=("GROQ_API_KEY",),
        base_url="https://api.groq.com/openai/v1",
        base_url_keys=("GROQ_OPENAI_BASE_URL",),  # GROQ_BASE_URL is the address of another protocol
        default_model="openai/gpt-oss-120b",
        provider_class="openai_compatible:OpenAICompatibleProvider",
        prices="groq",
        known="groq",
    ),
    Vendor(
        type="mistral",
        name="Mistral",
        api=Api.CHAT,
        keys=("MISTRAL_API_KEY",),
        base_url="https://api.mistral.ai/v1",
        base_url_keys=("MISTRAL_BASE_URL",),
        default_model="mistral-medium-latest",
        provider_class="openai_compatible:OpenAICompatibleProvider",
        prices="mistral",
        known="mistral",
    ),
    Vendor(
        type="fireworks",
        name="Fireworks",
        api=Api.CHAT,
        keys=("FIREWORKS_API_KEY",),
        base_url="https://api.fireworks.ai/inference/v1",
        base_url_keys=("FIREWORKS_BASE_URL",),
        default_model="accounts/fireworks/models/gpt-oss-120b",
        provider_class="fireworks:FireworksProvider",
        prices="fireworks",
    ),
    Vendor(
        type="openai_completions",
        name="OpenAI Chat Completions",
        api=Api.CHAT,
        keys=("OPENAI_COMPLETIONS_API_KEY",),
        lent_keys=("OPENAI_API_KEY",),
        base_url="https://api.openai.com/v1",
        base_url_keys=("OPENAI_COMPLETIONS_BASE_URL", "OPENAI_BASE_URL"),
        default_model="gpt-6.1-terra",
        provider_class="openai:OpenAIProvider",
        prices="openai",
        known="openai-chat",
        model_vendor="openai",
        aliases=("openai-chat",),
    ),
)

BY_TYPE: Final[Mapping[str, Vendor]] = {name: vendor for vendor in VENDORS for name in (vendor.type, *vendor.aliases)}
VARIABLES: Final = frozenset(name for vendor in VENDORS for name in vendor.variables)
