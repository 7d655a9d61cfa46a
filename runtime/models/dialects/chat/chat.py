"""OpenAI's Chat Completions, which many vendors speak: https://developers.openai.com/api/reference/chat-completions.

Reasoning is no part of OpenAI's own protocol: others give it in a field of the message, and some insist on having it
back there. Whether the field must then stand, empty, in messages without reasoning too, depends on the whole
conversation, so such messages are told apart by how their JSON begins, and the field is put in at the end.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final, Self

import msgspec

from runtime.models.dialects.chat.reading import ChatReading
from runtime.models.dialects.chat.special_tokens import broken, broken_arguments, broken_texts, is_suspect
from runtime.models.dialects.chat.traits import SchemaWriter, Traits, traits
from runtime.models.dialects.declarations import declared
from runtime.models.dialects.dialect import Called, Dialect, Part, Picture, Text, Thought, Uttered
from runtime.models.dialects.exchange import Exchanges
from runtime.models.vendors import Vendor
from runtime.ports.model import ModelRequest, ToolSpec

_USAGE_TOO: Final[Mapping[str, bool]] = {"include_usage": True}

# How messages begin. No text has such bytes, for quotes in a text are escaped.
_USER: Final = b'{"role":"user"'
_AGENT: Final = b'{"role":"assistant",'
REASONING_AGENT: Final = b'{"role": "assistant",'
_BARE_CALLS: Final = _AGENT + b'"tool_calls":'


class Body(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A request; `reasoning` is OpenRouter's."""

    model: str
    stream: bool
    service_tier: str | None = None
    messages: msgspec.Raw
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    reasoning: Mapping[str, str | bool] | None = None
    response_format: Mapping[str, Any] | None = None
    stream_options: Mapping[str, bool]
    tool_choice: str | None = None
    tools: tuple[msgspec.Raw, ...] = ()


class Chat(Dialect):
    """`breaks_tokens`: what might be taken for a token of a chat template is told so that it cannot be."""

    def __init__(self, *, breaks_tokens: bool = False) -> None:
        self._breaks_tokens = breaks_tokens

    def said(self, content: Sequence[str | Picture]) -> Sequence[bytes]:
        """Return a user's message, which has words or a picture at least."""
        if len(content) == 1 and isinstance(content[0], str):
            told: Any = self._words(content[0])
        else:
            told = [_content(part) for part in (self._unbroken(content) if self._breaks_tokens else content)]
        return [msgspec.json.encode({"role": "user", "content": told})]

    def answered(self, parts: Sequence[Part]) -> Sequence[bytes]:
        """Return an agent's message: as `Whole` had it if this vendor gave it, else its text and then its calls."""
        texts: list[str] = []
        fields: dict[str, list[str]] = {}
        for part in parts:
            if isinstance(part, Thought):
                field = _field(part)
                if field is None:
                    texts.append(self._words(f"<think>\n{part.text}\n</think>"))
                elif field:
                    fields.setdefault(field, []).append(self._words(part.text))
            elif isinstance(part, Text):
                texts.append(self._words(part.text))
        reasoning = {field: "\n\n".join(thoughts) for field, thoughts in fields.items()}
        return self.message(texts, self.calls(parts), reasoning, has_reasoned=bool(reasoning))

    def returned(self, call: Called, result: str, *, has_failed: bool) -> bytes:
        """Return what came of a call."""
        told = self._words(result)
        content = msgspec.json.encode({"error": told}).decode() if has_failed else told
        return msgspec.json.encode({"role": "tool", "tool_call_id": call.id, "content": content})

    def joined(self, utterances: Sequence[Uttered]) -> bytes:
        """Return turns as messages, with commas between them."""
        return b",".join(piece for uttered in utterances for piece in uttered.pieces)

    def path(self, model: str) -> str:
        """Return where a streamed answer is asked for, below the vendor's address."""
        del model
        return "/chat/completions"

    def headers(self, api_key: str, request: ModelRequest) -> Mapping[str, str]:
        """Return what goes beside the content type."""
        del request
        return {"Authorization": f"Bearer {api_key}"}

    def body(self, vendor: Vendor, request: ModelRequest, conversation: bytes) -> bytes:
        """Return the request's body. `conversation` is the inside of the array of messages."""
        known = traits(vendor.type, request.model.name)
        if known.may_tokenize and not self._breaks_tokens and is_suspect(conversation):
            conversation = Exchanges().tell(self._breaking(), vendor.recalled_as, request.history).conversation
        return msgspec.json.encode(self.asked(request, known, self.filled(request, known, conversation)))

    def reading(self, vendor: Vendor, model: str) -> ChatReading:
        """Return what reads one answer."""
        return ChatReading(traits(vendor.type, model))

    # ------------------------------------------------------------ what OpenRouter does differently

    def asked(self, request: ModelRequest, known: Traits, conversation: bytes) -> Body:
        """Return a request."""
        system = msgspec.json.encode({"role": "system", "content": request.system}) if request.system else b""
        messages = b",".join(part for part in (system, conversation) if part)
        return Body(
            model=request.model.name,
            stream=True,
            service_tier=request.speed or None,
            messages=msgspec.Raw(b"[" + messages + b"]"),
            parallel_tool_calls=request.parallel_tool_calls if request.tools else None,
            reasoning_effort=known.efforts.effort(request.reasoning_effort),
            response_format=_answering(request, known.schema),
            stream_options=_USAGE_TOO,
            tool_choice="auto" if request.tools else None,
            tools=declared(request.tools, _tool, known.schema),
        )

    def filled(self, request: ModelRequest, known: Traits, conversation: bytes) -> bytes:
        """Return a conversation in which messages with calls have a field for reasoning if the vendor insists on it."""
        if known.replays_in is not None:
            is_asked = known.thinks(request.reasoning_effort)
            return with_field(conversation, known.replays_in, 0 if is_asked else conversation.find(REASONING_AGENT))
        if REASONING_AGENT not in conversation:
            return conversation
        used = [field for field in known.fields if f',"{field}":"'.encode() in conversation]
        return with_field(conversation, used[0], conversation.rfind(_USER)) if len(used) == 1 else conversation

    def message(
        self, texts: Sequence[str], calls: Sequence[Any], reasoning: Mapping[str, Any], *, has_reasoned: bool
    ) -> Sequence[bytes]:
        """Return an agent's message, if there is anything to tell of it."""
        if not texts and not calls:
            return []
        content = {"content": "\n\n".join(texts) if texts else None}
        called = {"tool_calls": calls} if calls else {}
        told = {**reasoning, **called, **content}
        return [(REASONING_AGENT if has_reasoned else _AGENT) + msgspec.json.encode(told)[1:]]

    def calls(self, parts: Iterable[Part]) -> list[Mapping[str, Any]]:
        """Return the calls of an agent's message."""
        return [self._call(part) for part in parts if isinstance(part, Called)]

    # ------------------------------------------------------------ words

    def _call(self, call: Called) -> Mapping[str, Any]:
        arguments = broken_arguments(call.arguments) if self._breaks_tokens else call.arguments
        told = {"id": call.id, "type": "function"}
        function = {"name": self._words(call.name), "arguments": arguments}
        return {**told, "function": function, **({"extra_content": call.extra} if call.extra else {})}

    def _words(self, text: str) -> str:
        return broken(text) if self._breaks_tokens else text

    def _unbroken(self, content: Sequence[str | Picture]) -> Iterable[str | Picture]:
        """Yield a user's content with no token in its words, wherever they are cut."""
        run: list[str] = []
        for part in content:
            if isinstance(part, str):
                run.append(part)
                continue
            yield from broken_texts(run)
            run.clear()
            yield part
        yield from broken_texts(run)

    def _breaking(self) -> Self:
        return type(self)(breaks_tokens=True)


def with_field(conversation: bytes, field: str, start: int) -> bytes:
    """Return a conversation in which messages with calls have a field, from some byte on."""
    if start < 0:
        return conversation
    filled = _AGENT + f'"{field}":"","tool_calls":'.encode()
    return conversation[:start] + conversation[start:].replace(_BARE_CALLS, filled)


def _field(thought: Thought) -> str | None:
    """Return the field that reasoning goes back in; empty if in none, None if as text."""
    try:
        return msgspec.json.decode(thought.extra, type=str | None) if thought.extra is not None else None
    except msgspec.MsgspecError:
        return ""  # written by another version


def _content(part: str | Picture) -> Mapping[str, Any]:
    if isinstance(part, str):
        return {"text": part, "type": "text"}
    if part.data is None:
        return {"image_url": {"url": part.url}, "type": "image_url"}
    address = f"data:{part.media_type};base64,{b64encode(part.data).decode()}"
    return {"image_url": {"url": address}, "type": "image_url"}


def _answering(request: ModelRequest, schema: SchemaWriter) -> Mapping[str, Any] | None:
    """Return what the text of an answer is to be."""
    wanted = request.response_format
    if wanted is None:
        return None
    written, is_strict = schema(deepcopy(wanted.schema))
    strict = {"strict": True} if is_strict else {}
    return {"type": "json_schema", "json_schema": {"name": wanted.name, "schema": written, **strict}}


def _tool(tool: ToolSpec, schema: SchemaWriter) -> Mapping[str, Any]:
    parameters, is_strict = schema(tool.parameters)
    told = {"name": tool.name, "description": tool.description, "parameters": parameters}
    strict = {"strict": True} if is_strict else {}
    return {"type": "function", "function": {**told, **strict}}
