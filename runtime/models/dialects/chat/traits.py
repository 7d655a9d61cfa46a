"""What differs between vendors and models in Chat Completions: how they reason, what they are told again, and tools."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from runtime.models.dialects.responses.traits import EFFORTS
from runtime.models.dialects.responses.traits import Traits as Reasoning
from runtime.models.dialects.responses.traits import traits as reasoning_of_openai
from runtime.models.dialects.schemas.inlined import gemini_schema, gpt_oss_schema, inlined_schema
from runtime.models.dialects.schemas.openai import compatible_schema, strict_schema
from runtime.models.dialects.schemas.walk import Schema

SchemaWriter = Callable[[Schema], tuple[Schema, bool]]

_KEPT: Final = 1_024  # names of models, in one process
_THINKING_TAGS: Final = ("<think>", "</think>")
_CLAUDE_TAGS: Final = ("<thinking>", "</thinking>")
_FIELDS: Final = ("reasoning", "reasoning_content")


class Traits(NamedTuple):
    """What is known of a model of a vendor.

    `schema` writes a tool's parameters, and tells whether in strict mode. `efforts` are those that a model takes;
    `reasons` tells whether it does if nobody asks. `fields` are those in which reasoning comes, the first wins; it
    goes back in the one it came in, or in `replays_in`, which messages with calls then must have. `tags` stand around
    reasoning among the text. `trims`: whitespace before a text is noise. `may_tokenize`: its host may take what people
    write for tokens of its template. `adds_reasoning`: output tokens are told without those of the reasoning.
    """

    schema: SchemaWriter = compatible_schema
    efforts: Reasoning = Reasoning(())
    reasons: bool = False
    fields: tuple[str, str] = _FIELDS
    replays_in: str | None = None
    tags: tuple[str, str] = _THINKING_TAGS
    trims: bool = False
    may_tokenize: bool = False
    adds_reasoning: bool = False

    def thinks(self, asked: str | None) -> bool:
        """Tell whether a model reasons, asked for an effort or not."""
        if asked is None or not self.efforts.efforts:
            return self.reasons
        return asked != "none" or self.efforts.efforts[0] != "none"


PLAIN: Final = Traits()

_ALL: Final = Reasoning(EFFORTS)
_ALWAYS: Final = Reasoning((None, *EFFORTS[1:]))  # what turns it off is not known: nothing is sent

# Names of models that no public template is rendered for, so nothing in a text is taken for a token.
_CLOSED: Final = re.compile(
    r"(?!gpt-oss)(?:claude|cohere-|command|gemini|grok|muse-|nova-|sonar|chatgpt|codex|computer-use|dall-e|ft:|gpt-"
    r"|o1|o3|o4|omni-|sora|text-|tts-|whisper)"
)
_KIMI: Final = re.compile(r"kimi-(?:k2\.[567]|k2-thinking|k3|thinking)")
_DEEPSEEK_ALWAYS: Final = re.compile(r"r1$|deepseek-r1|deepseek-reasoner$")


@lru_cache(_KEPT)
def traits(vendor: str, model: str) -> Traits:
    """Return what is known of a vendor's model by its name."""
    match vendor:
        case "openai_completions":
            return _openai(model)
        case "deepseek":
            return _deepseek(model)
        case "fireworks":
            return _fireworks(model.lower())
        case "openrouter":
            return _openrouter(model)
        case _:
            return _compatible(model.lower())._replace(may_tokenize=may_tokenize(model), adds_reasoning=vendor == "xai")


def may_tokenize(model: str) -> bool:
    """Tell whether a host may take what people write for tokens of its template for a model."""
    return _CLOSED.match(model.lower().rpartition("/")[2]) is None


def _openai(model: str) -> Traits:
    is_tuned = model.startswith("ft:")
    return Traits(
        schema=compatible_schema if is_tuned else strict_schema,
        efforts=reasoning_of_openai(model),
        may_tokenize=may_tokenize(model),
    )


def _deepseek(model: str) -> Traits:
    can_stop = model == "deepseek-flash" or model.startswith("deepseek-v4-")
    known = _of_deepseek(model)
    return known._replace(
        efforts=_ALL if can_stop else known.efforts,
        reasons=can_stop or model == "deepseek-reasoner",
        fields=("reasoning_content", "reasoning"),
        replays_in="reasoning_content",
    )


def _fireworks(model: str) -> Traits:
    family, _, name = model.rpartition("/")
    if name.startswith("glm-5p3"):
        return _INLINED
    if family != "accounts/fireworks/models":
        return PLAIN
    if name.startswith("gpt-oss"):
        return Traits(schema=gpt_oss_schema)
    makers = {"llama": "meta-llama", "qwen": "qwen", "deepseek": "deepseek"}
    return family_of(next((maker for start, maker in makers.items() if name.startswith(start)), ""), name)


def _openrouter(model: str) -> Traits:
    maker, name = parted(model)
    return family_of("" if maker in ("meta", "zai", "zai-org") else maker, name)._replace(
        tags=_CLAUDE_TAGS if maker == "anthropic" else _THINKING_TAGS, may_tokenize=may_tokenize(name)
    )


def parted(model: str) -> tuple[str, str]:
    """Return maker and name of a model of OpenRouter's, whose names may have a mark before and a variant behind."""
    maker, _, name = model.removeprefix("~").partition("/")
    return maker, name.partition(":")[0]


def _compatible(model: str) -> Traits:
    """Return what is known of `maker/model`; of a name without a maker, what is known of OpenAI's."""
    maker, slash, name = model.partition("/")
    known = family_of(maker, name) if slash else _of_openai(model)
    return known._replace(trims=True) if slash and known.schema is gpt_oss_schema else known


def _of_openai(name: str) -> Traits:
    is_open = name.startswith("gpt-oss")
    return Traits(schema=gpt_oss_schema if is_open else compatible_schema, efforts=reasoning_of_openai(name))


def _of_qwen(name: str) -> Traits:
    return Traits(schema=_loose if name.startswith("qwen-3-coder") else inlined_schema, trims=True)


def _of_kimi(name: str) -> Traits:
    return Traits(efforts=_ALL if _KIMI.match(name) else Reasoning(()), trims=True)


def _of_deepseek(name: str) -> Traits:
    if _DEEPSEEK_ALWAYS.match(name):
        return Traits(efforts=_ALWAYS, trims=True)
    return Traits(efforts=_ALL if name.startswith("deepseek-v4-") else Reasoning(()))


def _of_glm(name: str) -> Traits:
    return _INLINED if name.startswith("glm-5.3") else PLAIN


def _loose(schema: Schema) -> tuple[Schema, bool]:
    """Write a tool's parameters for a model that has no strict mode."""
    return inlined_schema(schema)[0], False


_INLINED: Final = Traits(schema=inlined_schema)
_FAMILIES: Final[Mapping[str, Callable[[str], Traits]]] = {
    "openai": _of_openai,
    "moonshotai": _of_kimi,
    "google": lambda _: Traits(schema=gemini_schema),
    **dict.fromkeys(("qwen", "alibaba"), _of_qwen),
    **dict.fromkeys(("deepseek", "deepseek-ai"), _of_deepseek),
    **dict.fromkeys(("z-ai", "zai", "zai-org"), _of_glm),
    **dict.fromkeys(("meta", "meta-llama", "meta-models", "amazon", "bedrock"), lambda _: _INLINED),
}


def family_of(maker: str, name: str) -> Traits:
    """Return what is known of a maker's model, whoever serves it."""
    known = _FAMILIES.get(maker)
    return known(name) if known is not None else PLAIN
