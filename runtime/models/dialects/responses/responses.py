"""OpenAI's Responses protocol: https://developers.openai.com/api/reference/responses.

A conversation is a list of items: messages, reasoning, calls and what came of them. What the model keeps to itself
comes and goes encrypted, and what it gave with an id is told again with that id.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

import msgspec

from runtime.core.message import Turned
from runtime.models.dialects.declarations import declared
from runtime.models.dialects.dialect import Called, Dialect, Part, Picture, Text, Thought, Uttered
from runtime.models.dialects.exchange import Exchanges
from runtime.models.dialects.recall import recalled
from runtime.models.dialects.responses.reading import Extra, ResponsesReading
from runtime.models.dialects.responses.traits import Traits, traits
from runtime.models.dialects.schemas.openai import strict_schema
from runtime.models.vendors import Vendor
from runtime.ports.model import ModelRequest, ToolSpec

Item = dict[str, Any]

_PHASES: Final = ("commentary", "final_answer")
_ID: Final = b'"id":"'  # no text has such bytes, for quotes in a text are escaped
_PHASE: Final = b'"phase":"'
_BARE: Final = Extra()
_extra_decoder: Final = msgspec.json.Decoder(Extra)


class _Body(msgspec.Struct, kw_only=True, omit_defaults=True):
    model: str
    stream: bool
    service_tier: str | None = None
    include: tuple[str, ...] = ()
    input: msgspec.Raw
    instructions: str | None = None
    parallel_tool_calls: bool | None = None
    prompt_cache_options: Mapping[str, str] | None = None
    reasoning: Mapping[str, str] = {}
    text: Mapping[str, str] | None = None
    tool_choice: str | None = None
    tools: tuple[msgspec.Raw, ...] = ()


class Responses(Dialect):
    """`has_ids` and `has_phases` tell what may be told again of an answer's items."""

    def __init__(self, *, has_ids: bool = True, has_phases: bool = True) -> None:
        self._has_ids = has_ids
        self._has_phases = has_phases

    def said(self, content: Sequence[str | Picture]) -> Sequence[bytes]:
        """Return a user's message, which has words or a picture at least."""
        is_words = len(content) == 1 and isinstance(content[0], str)
        told = content[0] if is_words else [_content(part) for part in content]
        return [msgspec.json.encode({"role": "user", "content": told})]

    def answered(self, parts: Sequence[Part]) -> Sequence[bytes]:
        """Return an agent's message: as `Whole` had it if OpenAI gave it, else its text and then its calls."""
        answer = _Answer(has_ids=self._has_ids, has_phases=self._has_phases)
        for part in parts:
            answer.add(part)
        return [msgspec.json.encode(item) for item in answer.items]

    def returned(self, call: Called, result: str, *, has_failed: bool) -> bytes:
        """Return what came of a call."""
        output = msgspec.json.encode({"error": result}).decode() if has_failed else result
        call_id, _, _ = call.id.partition("|")
        return msgspec.json.encode({"type": "function_call_output", "call_id": call_id, "output": output})

    def joined(self, utterances: Sequence[Uttered]) -> bytes:
        """Return turns as items, with commas between them."""
        return b",".join(piece for uttered in utterances for piece in uttered.pieces)

    def path(self, model: str) -> str:
        """Return where a streamed answer is asked for, below OpenAI's address."""
        del model
        return "/responses"

    def headers(self, api_key: str, request: ModelRequest) -> Mapping[str, str]:
        """Return what goes beside the content type."""
        del request
        return {"Authorization": f"Bearer {api_key}"}

    def body(self, vendor: Vendor, request: ModelRequest, conversation: bytes) -> bytes:
        """Return the request's body. `conversation` is the inside of the array of items."""
        known = traits(request.model.name)
        told = _retold(vendor, request, conversation, known) or b'{"role":"user","content":""}'
        body = _Body(
            model=request.model.name,
            stream=True,
            service_tier=request.speed,
            include=("reasoning.encrypted_content",) if known.efforts else (),
            input=msgspec.Raw(b"[" + told + b"]"),
            instructions=request.system.strip() or None,
            parallel_tool_calls=request.parallel_tool_calls if request.tools else None,
            prompt_cache_options=_compared(vendor, request.history) if known.compares_caches else None,
            reasoning=_reasoning(request, known),
            text=_answering(request),
            tool_choice="auto" if request.tools else None,
            tools=declared(request.tools, _tool),
        )
        return msgspec.json.encode(body)

    def reading(self, vendor: Vendor, model: str) -> ResponsesReading:
        """Return what reads one answer."""
        del vendor, model
        return ResponsesReading()


class _Answer:
    """An answer as items. Parts with the same id are one item."""

    def __init__(self, *, has_ids: bool, has_phases: bool) -> None:
        self.items: list[Item] = []
        self._has_ids = has_ids
        self._has_phases = has_phases
        self._message: Item = {}
        self._reasoning: Item = {}

    def add(self, part: Part) -> None:
        """Add the next part."""
        extra = _extra(part)
        match part:
            case Text(text=text):
                self._say(text, extra)
            case Thought(text=thought):
                self._think(thought, extra)
            case Called():
                self._call(part, extra)

    def _say(self, text: str, extra: Extra) -> None:
        phase = {"phase": extra.phase} if self._has_phases and extra.phase in _PHASES else {}
        if not (self._has_ids and extra.id):
            self.items.append({"role": "assistant", "content": text, **phase})
            return
        if self._message.get("id") != extra.id:
            self._message = {"type": "message", "id": extra.id, "role": "assistant", "status": "completed"}
            self._message["content"] = []
            self.items.append(self._message)
        self._message["content"].append({"type": "output_text", "text": text, "annotations": []})
        self._message.update(phase)

    def _think(self, thought: str, extra: Extra) -> None:
        if not extra.id or not (self._has_ids or extra.raw):
            self.items.append({"role": "assistant", "content": f"<think>\n{thought}\n</think>"})
            return
        encrypted = extra.encrypted if self._has_ids else None
        if self._reasoning.get("id") != extra.id and (thought or encrypted or extra.raw):
            self._reasoning = {"type": "reasoning", "id": extra.id, "summary": [], "encrypted_content": encrypted}
            self.items.append(self._reasoning)
        if thought:
            self._reasoning["summary"].append({"type": "summary_text", "text": thought})
        if extra.raw:
            self._reasoning["content"] = [{"type": "reasoning_text", "text": text} for text in extra.raw]

    def _call(self, call: Called, extra: Extra) -> None:
        call_id, _, item_id = call.id.partition("|")
        item = {"type": "function_call", "name": call.name, "arguments": call.arguments, "call_id": call_id}
        if self._has_ids and extra.id:
            item["id"] = item_id or extra.id
        self.items.append(item)


def _extra(part: Part | None) -> Extra:
    if part is None or part.extra is None:
        return _BARE
    try:
        return _extra_decoder.decode(part.extra)
    except msgspec.MsgspecError:
        return _BARE  # written by another version


def _content(part: str | Picture) -> Item:
    if isinstance(part, str):
        return {"type": "input_text", "text": part}
    if part.data is None:
        return {"type": "input_image", "image_url": part.url, "detail": "auto"}
    data = f"data:{part.media_type};base64,{b64encode(part.data).decode()}"
    return {"type": "input_image", "image_url": data, "detail": "auto"}


def _retold(vendor: Vendor, request: ModelRequest, conversation: bytes, known: Traits) -> bytes:
    """Return a conversation without what this model refuses, if another one gave it: reasoning and ids, or phases."""
    has_ids, has_phases = bool(known.efforts), known.has_phases
    if (has_ids or _ID not in conversation) and (has_phases or _PHASE not in conversation):
        return conversation
    dialect = Responses(has_ids=has_ids, has_phases=has_phases)
    return Exchanges().tell(dialect, vendor.recalled_as, request.history).conversation


def _compared(vendor: Vendor, history: Sequence[Turned]) -> Mapping[str, str] | None:
    """Name the last answer of this vendor: OpenAI tells why the cache does not have all that was sent since."""
    for turned in reversed(history):
        if turned.private is msgspec.UNSET or not turned.message.content:
            continue
        first = next(iter(recalled(turned, vendor.recalled_as)), None)
        if first is not None and first.extra is not None:
            response_id = _extra(first).response_id or ""
            return {"comparison_response_id": response_id} if response_id.startswith("resp_") else None
    return None


def _reasoning(request: ModelRequest, known: Traits) -> Mapping[str, str]:
    wishes = {
        "effort": known.effort(request.reasoning_effort),
        "context": "all_turns" if known.keeps_reasoning else None,
        # Summaries need a verified organisation, so they are asked for only with explicit reasoning.
        "summary": None if request.reasoning_effort in (None, "none") else "auto",
    }
    return {name: wish for name, wish in wishes.items() if wish is not None}


def _answering(request: ModelRequest) -> Item | None:
    """Return how the text of an answer is to be."""
    wishes: Item = {}
    if (wanted := request.response_format) is not None:
        schema, is_strict = strict_schema(deepcopy(wanted.schema))
        wishes["format"] = {"type": "json_schema", "name": wanted.name, "schema": schema, "strict": is_strict}
    if request.verbosity is not None:
        wishes["verbosity"] = request.verbosity
    return wishes or None


def _tool(tool: ToolSpec) -> Item:
    parameters, is_strict = strict_schema(tool.parameters)
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": parameters,
        "strict": is_strict,
    }
