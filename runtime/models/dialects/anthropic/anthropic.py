"""Anthropic's Messages API.

The vendor keeps what it has read of a conversation for the next call, up to where it is told to: after the tools,
after the system's words, and, which it finds itself, at the end. So nothing in the conversation is ever marked.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final, Self

import msgspec

from runtime.models.dialects.anthropic.binding import BETA, dropping, is_stale, must_drop
from runtime.models.dialects.anthropic.reading import AnthropicReading, Seal
from runtime.models.dialects.anthropic.traits import thinking
from runtime.models.dialects.declarations import declared
from runtime.models.dialects.dialect import (
    Called,
    Dialect,
    Part,
    Picture,
    Reading,
    RefusedError,
    Speaker,
    Text,
    Thought,
    Uttered,
)
from runtime.models.dialects.naming import fitting_id, fitting_name
from runtime.models.dialects.schemas.anthropic import sent_schema
from runtime.models.vendors import Vendor
from runtime.ports.model import ModelRequest, ToolSpec

VERSION: Final = "2026-10-21"
EMPTY: Final = "(empty)"  # a blank text is refused
NAME_CHARS: Final = 128

_KEEP: Final[Mapping[str, str]] = {"type": "ephemeral", "ttl": "5m"}
_KEPT: Final = b',"cache_control":' + msgspec.json.encode(_KEEP) + b"}"
_TIERS: Final[Mapping[str | None, str]] = {"auto": "auto", "default": "standard_only"}

# A thought without a signature cannot be given back as the agent's own, and as its words it would teach it to speak
# like that. Its members stand in another order than those of any other text.
_THOUGHT_BEGINS: Final = b'{"text":"<assistant_thinking>\\n'

_write: Final = msgspec.json.encode
_seal: Final = msgspec.json.Decoder(Seal)


class Anthropic(Dialect):
    """Speaks it. `drops_unbound`: the vendor shall leave out thoughts that are bound to other words."""

    def __init__(self, *, drops_unbound: bool = False) -> None:
        self._drops_unbound = drops_unbound

    def said(self, content: Sequence[str | Picture]) -> Sequence[bytes]:
        """Return a block for each word or picture."""
        return [_text(said) if isinstance(said, str) else _picture(said) for said in content]

    def answered(self, parts: Sequence[Part]) -> Sequence[bytes]:
        """Return blocks; thoughts are given back word for word, with what proves that they are the vendor's."""
        return [block for part in parts if (block := _part(part))]

    def returned(self, call: Called, result: str, *, has_failed: bool) -> bytes:
        """Return a block."""
        return b'{"type":"tool_result","tool_use_id":%b,"content":[%b],"is_error":%b}' % (
            _write(fitting_id(call.id)),
            _text(result),
            b"true" if has_failed else b"false",
        )

    def joined(self, utterances: Sequence[Uttered]) -> bytes:
        """Return turns; what stands together on our side goes as one."""
        return b",".join(_turns(utterances))

    def path(self, model: str) -> str:
        """Return the path, which is the same for every model."""
        del model
        return "/v1/messages"

    def headers(self, api_key: str, request: ModelRequest) -> Mapping[str, str]:
        """Return the key and the version of the protocol, and what the request needs beyond it."""
        made = {"Authorization": f"Bearer {api_key}", "anthropic-version": VERSION}
        return {**made, "anthropic-beta": BETA} if self._drops(request, _parameters(request)) else made

    def body(self, vendor: Vendor, request: ModelRequest, conversation: bytes) -> bytes:
        """Return the body."""
        del vendor
        parameters = _parameters(request)
        head = _write(dropping(parameters) if self._drops(request, parameters) else parameters).removesuffix(b"}")
        system = [_text(request.system).removesuffix(b"}") + _KEPT] if request.system else []
        arrays = {b"system": system, b"tools": list(_tools(request.tools))}
        members = [b'"%b":[%b]' % (name, b",".join(pieces)) for name, pieces in arrays.items() if pieces]
        return b",".join((head, *members, b'"messages":[' + conversation)) + b"]}"

    def reading(self, vendor: Vendor, model: str) -> Reading:
        """Return what reads one answer."""
        del vendor, model
        return AnthropicReading()

    def after(self, request: ModelRequest, refused: RefusedError) -> Self | None:
        """Ask once more without thoughts that are bound to other words, if it was for them."""
        return type(self)(drops_unbound=True) if is_stale(request, _parameters(request), refused) else None

    def _drops(self, request: ModelRequest, parameters: Mapping[str, Any]) -> bool:
        return self._drops_unbound or must_drop(request, parameters)


def _parameters(request: ModelRequest) -> dict[str, Any]:
    made: dict[str, Any] = {
        "model": request.model.name,
        "stream": True,
        "cache_control": _KEEP,
        **thinking(request.model.name, request.reasoning_effort),
    }
    if (wanted := request.response_format) is not None:
        form = {"type": "json_schema", "schema": sent_schema(deepcopy(wanted.schema))}
        made["output_config"] = {**made.get("output_config", {}), "format": form}
    if request.speed in _TIERS:
        made["service_tier"] = _TIERS[request.speed]
    if request.tools:
        made["tool_choice"] = _choice(request.parallel_tool_calls)
    return made


def _choice(parallel_tool_calls: bool | None) -> dict[str, Any]:  # noqa: FBT001  as the request has it
    if parallel_tool_calls is None:
        return {"type": "auto"}
    return {"type": "auto", "disable_parallel_tool_use": not parallel_tool_calls}


def _tools(tools: Iterable[ToolSpec]) -> Iterator[bytes]:
    made = declared({tool.name: tool for tool in tools}.values(), _tool)
    yield from map(bytes, made[:-1])
    yield from (bytes(last).removesuffix(b"}") + _KEPT for last in made[-1:])


def _tool(tool: ToolSpec) -> Mapping[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": sent_schema(tool.parameters)}


def _text(text: str) -> bytes:
    return b'{"type":"text","text":%b}' % _write(text if text.strip() else EMPTY)


def _picture(picture: Picture) -> bytes:
    if picture.data is None:
        source = {"type": "url", "url": picture.url}
    else:
        data = b64encode(picture.data).decode()
        source = {"type": "base64", "media_type": picture.media_type, "data": data}
    return _write({"type": "image", "source": source})


def _part(part: Part) -> bytes:
    """Return a block, or nothing for what says nothing."""
    match part:
        case Text(text=text):
            return _text(text) if text.strip() else b""
        case Called(id=call_id, name=name, arguments=arguments):
            fitting = {"id": fitting_id(call_id), "name": fitting_name(name, NAME_CHARS)}
            head = _write({"type": "tool_use", **fitting}).removesuffix(b"}")
            return b'%b,"input":%b}' % (head, arguments.encode() or b"{}")
        case Thought():
            return _thought(part)


def _thought(thought: Thought) -> bytes:
    seal = Seal() if thought.extra is None else _seal.decode(thought.extra)
    if seal.redacted:
        return _write({"type": "redacted_thinking", "data": seal.redacted})
    if seal.signature:
        return _write({"type": "thinking", "thinking": thought.text, "signature": seal.signature})
    if thought.text:
        return _write({"text": f"<assistant_thinking>\n{thought.text}\n</assistant_thinking>", "type": "text"})
    return b""


def _turns(utterances: Sequence[Uttered]) -> Iterator[bytes]:
    ours: list[bytes] = []
    for speaker, pieces in utterances:
        if speaker is not Speaker.AGENT:
            ours.extend(pieces)
            continue
        yield from _turn(b"user", ours)
        ours = []
        yield from _turn(b"user", [piece for piece in pieces if piece.startswith(_THOUGHT_BEGINS)])
        yield from _turn(b"assistant", [piece for piece in pieces if not piece.startswith(_THOUGHT_BEGINS)])
    yield from _turn(b"user", ours)


def _turn(role: bytes, blocks: Sequence[bytes]) -> Iterator[bytes]:
    if blocks:
        yield b'{"role":"%b","content":[%b]}' % (role, b",".join(blocks))
