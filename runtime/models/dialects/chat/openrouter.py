"""OpenRouter's Chat Completions: one parameter for how any model reasons, and its reasoning in details.

Each detail names the form in which its maker gives reasoning, signed or encrypted, and goes back as it came:
https://openrouter.ai/docs/guides/best-practices/reasoning-tokens.
"""

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from runtime.models.dialects.chat.chat import REASONING_AGENT, Body, Chat, with_field
from runtime.models.dialects.chat.events import ChunkDelta
from runtime.models.dialects.chat.reading import ChatReading, Delta
from runtime.models.dialects.chat.traits import Traits, parted, traits
from runtime.models.dialects.dialect import Part, Text, Thought
from runtime.models.dialects.responses.traits import traits as reasoning_of_openai
from runtime.models.vendors import Vendor
from runtime.ports.model import ModelRequest

_EFFORTS: Final[Mapping[str, str]] = {
    "none": "none",
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
}
# Models that OpenRouter does not let stop reasoning, by maker: `reasoning.mandatory` in its list of models.
_MANDATORY: Final[Mapping[str, re.Pattern[str]]] = {
    maker: re.compile(names, re.IGNORECASE)
    for maker, names in {
        "aion-labs": r"aion-(2\.0|3\.0|3\.5)",
        "anthropic": r"claude-(sonnet-5-5|(fable|opus|sonnet)-latest)",
        "google": r"gemini-(3\.[5678]-flash|4-argon|flash-latest)",
        "liquid": r"lfm-2\.5-(2\.6b|24b-a2b)",
        "meta": r"muse-(glimmer-30b|spark-(1\.[123]|open)|wonder)",
        "minimax": r"minimax-(m2\.5|m2\.7|m3\.1-flash)",
        "mistralai": r"mistral-large-4-0",
        "moonshotai": r"kimi-(k2\.7-code|k2-thinking)",
        "openai": r"gpt-(5\.2-codex|oss-|6\.1-terra-pro|astra-latest|sol-latest)",
        "perplexity": r"sonar-(pro-search|reasoning-pro)",
        "qwen": r"qwen3(\.8-max|\.8-2\.4t|-vl-30b-a3b-thinking|-next-80b-a3b-thinking|-235b-a22b-thinking)",
        "recursive": r"flint-v1\.0",
        "reflection": r"beam-1\.0-501b-a23b",
        "rekaai": r"reka-flash-3",
        "sakana": r"fugu-(max|ultra)",
        "stepfun": r"step-(3\.5-flash|3\.7-flash|5-preview)",
        "x-ai": r"grok-(4\.20-multi-agent|build|latest)",
        "z-ai": r"glm-(5\.3|latest|flash-latest)",
    }.items()
}
# Models that their makers do not let stop either, and that refuse the least effort.
_ALWAYS: Final[Mapping[str, re.Pattern[str]]] = {
    "anthropic": re.compile(r"claude-(fable-5|mythos-(5|preview)|opus-5-5)"),
    "cohere": re.compile(r".*reasoning"),
    "deepseek": re.compile(r"r1$|deepseek-r1|deepseek-reasoner$"),
    "google": re.compile(r"(?!.*(gemma|gemini-1|gemini-2\.(?!5)|gemini-2\.5-flash-image|flash))(?!gemini-pro$).*pro"),
    "mistralai": re.compile(r"magistral"),
    "perplexity": re.compile(r"sonar-deep-research", re.IGNORECASE),
    "x-ai": re.compile(r"grok-(3-mini-(?!fast$)|4\.5(-latest)?$|4\.6$|4\.7$|build-latest$)"),
}


class _Detail(msgspec.Struct):
    """A piece of reasoning, as it comes and goes."""

    type: str
    id: str | None = None
    format: str | None = None
    index: int | None = None
    text: str | None = None
    signature: str | None = None
    summary: str | None = None
    data: str = ""


# Where each type of detail has its words, and what else is its own.
_WORDS: Final[Mapping[str, str]] = {"reasoning.text": "text", "reasoning.summary": "summary", "reasoning.encrypted": ""}
_OWN: Final[Mapping[str, Sequence[str]]] = {"reasoning.text": ("signature",), "reasoning.encrypted": ("data",)}


class OpenRouter(Chat):
    """Chat Completions, with reasoning of its own kind."""

    def answered(self, parts: Sequence[Part]) -> Sequence[bytes]:
        """Return an agent's message: as `Whole` had it if OpenRouter gave it, else its text and then its calls."""
        thoughts = [part for part in parts if isinstance(part, Thought)]
        details = [detail for thought in thoughts if (detail := self._detail(thought)) is not None]
        reasoning: dict[str, Any] = {"reasoning_details": details} if details else {}
        calls = self.calls(parts)
        if thoughts and calls:
            reasoning["reasoning"] = ""
        texts = [self._words(part.text) for part in parts if isinstance(part, Text)]
        return self.message(texts, calls, reasoning, has_reasoned=bool(thoughts))

    def reading(self, vendor: Vendor, model: str) -> ChatReading:
        """Return what reads one answer."""
        return OpenRouterReading(traits(vendor.type, model))

    def asked(self, request: ModelRequest, known: Traits, conversation: bytes) -> Body:
        """Return a request."""
        body = super().asked(request, known, conversation)
        body.reasoning_effort = None
        body.reasoning = _reasoning(request.model.name, request.reasoning_effort)
        return body

    def filled(self, request: ModelRequest, known: Traits, conversation: bytes) -> bytes:
        """Return a conversation in which messages with calls have a field for reasoning, once there was some."""
        del request, known
        return with_field(conversation, "reasoning", conversation.find(REASONING_AGENT))

    def _detail(self, thought: Thought) -> Mapping[str, Any] | None:
        """Return a piece of reasoning as it came, if it came as one."""
        if thought.extra is None:
            return None
        try:
            detail: dict[str, Any] = msgspec.json.decode(thought.extra, type=dict[str, Any])
        except msgspec.MsgspecError:
            return None  # written by another version
        words = _WORDS.get(str(detail.get("type")))
        if not words:
            return detail
        return {**detail, words: thought.text if detail.get("signature") is not None else self._words(thought.text)}


class OpenRouterReading(ChatReading):
    """Reads the details of reasoning, if there are some, instead of its words."""

    def __init__(self, traits: Traits) -> None:
        super().__init__(traits)
        self._details: dict[Hashable, dict[str, Any]] = {}

    def _reasoned(self, delta: ChunkDelta) -> Iterator[Delta]:
        if not delta.reasoning_details:
            yield from super()._reasoned(delta)
            return
        for place, detail in enumerate(msgspec.convert(delta.reasoning_details, list[_Detail])):
            if detail.type in _WORDS:
                yield from self._detailed(detail, place)

    def _detailed(self, detail: _Detail, place: int) -> Iterator[Delta]:
        """The same type and index means more of the same piece."""
        key = "detail", detail.type, place if detail.index is None else detail.index
        if key not in self._details:
            self._details[key] = {"id": detail.id}
            yield from self._released()
            self._latest_call = None
        known = self._details[key]
        known |= {"format": detail.format, "index": detail.index, "type": detail.type}
        for name in _OWN.get(detail.type, ()):
            known[name] = getattr(detail, name) if getattr(detail, name) is not None else known.get(name)
        self._draft.add(key, Thought, msgspec.Raw(msgspec.json.encode(known)))
        words = _WORDS[detail.type]
        yield from self._draft.think(key, (getattr(detail, words) if words else None) or "")


def _reasoning(model: str, asked: str | None) -> Mapping[str, str | bool] | None:
    if asked is None:
        return None
    if asked == "none":
        return {"effort": _least(model)}
    return {"effort": _EFFORTS.get(asked, "medium"), "enabled": True}


def _least(model: str) -> str:
    """Return what makes a model reason least."""
    maker, name = parted(model)
    if maker == "anthropic":
        name = name.replace(".", "-")
    if maker in _MANDATORY and _MANDATORY[maker].match(name):
        return "minimal"
    efforts = reasoning_of_openai(name).efforts if maker == "openai" else ()
    is_always = bool(efforts and efforts[0] != "none") or (maker in _ALWAYS and _ALWAYS[maker].match(name) is not None)
    return "low" if is_always else "none"
