"""Amazon Bedrock's ConverseStream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from runtime.models.dialects.anthropic.reading import Seal
from runtime.models.dialects.converse.reading import ConverseReading
from runtime.models.dialects.converse.traits import claude, keeps_prompts, most_tokens, thinking
from runtime.models.dialects.declarations import declared
from runtime.models.dialects.dialect import (
    Called,
    Dialect,
    Framing,
    Part,
    Picture,
    Reading,
    RefusedError,
    Speaker,
    Text,
    Thought,
    Uttered,
)
from runtime.models.dialects.exchange import UNREADABLE
from runtime.models.dialects.naming import fitting_id, fitting_name
from runtime.models.vendors import Vendor
from runtime.ports.model import ModelRequest, ToolSpec

EMPTY: Final = "(empty)"  # a blank text is refused
NAME_CHARS: Final = 64

_TIERS: Final = frozenset({"default", "flex", "priority"})
_KEPT: Final = b'{"cachePoint":{"type":"default"}}'
_CALLS: Final = b'{"toolUse":'
# A conversation with calls in it is refused without tools.
_NO_TOOL: Final = ToolSpec("unavailable", "There are no tools any more: do not call this one.", {"type": "object"})
_TOO_LONG: Final = b"Input is too long"

_write: Final = msgspec.json.encode
_seal: Final = msgspec.json.Decoder(Seal)


class Converse(Dialect):
    """Speaks it."""

    def recalled_as(self, vendor: Vendor, model: str) -> str:
        """Return a name for all of Claude, and one for each other model: they refuse what another signed."""
        family = model if claude(model) is None else "claude"
        return f"{vendor.recalled_as}/{family}"

    def said(self, content: Sequence[str | Picture]) -> Sequence[bytes]:
        """Return a block for each word or picture."""
        return [_text(said) if isinstance(said, str) else _picture(said) for said in content]

    def answered(self, parts: Sequence[Part]) -> Sequence[bytes]:
        """Return a block at least, so that sides take turns; of thoughts, those that the vendor sees to be its own."""
        return [block for part in parts if (block := _part(part))] or [_text("")]

    def returned(self, call: Called, result: str, *, has_failed: bool) -> bytes:
        """Return a block."""
        call_id, status = _write(fitting_id(call.id)), b',"status":"error"' if has_failed else b""
        return b'{"toolResult":{"toolUseId":%b,"content":[%b]%b}}' % (call_id, _text(result), status)

    def joined(self, utterances: Sequence[Uttered]) -> bytes:
        """Return turns; what stands together on our side goes as one."""
        return b",".join(_turns(utterances))

    def path(self, model: str) -> str:
        """Return where a model, or a profile or ARN that leads to one, is asked."""
        return f"/model/{quote(model, safe='')}/converse-stream"

    def headers(self, api_key: str, request: ModelRequest) -> Mapping[str, str]:
        """Return nothing: who logs in there signs what is sent, or shows a key (`runtime/models/logins`)."""
        del api_key, request
        return {"Accept": "application/vnd.amazon.eventstream"}

    def body(self, vendor: Vendor, request: ModelRequest, conversation: bytes) -> bytes:
        """Return the body."""
        del vendor
        model = request.model.name
        point = [_KEPT] if keeps_prompts(model) else []
        if point and conversation.endswith(b"]}"):  # the end of the last turn's blocks
            conversation = conversation[:-2] + b"," + _KEPT + b"]}"
        members = [b'"messages":[%b]' % conversation]
        if request.system:
            members.append(b'"system":[%b]' % b",".join([_text(request.system), *point]))
        tools = request.tools or ((_NO_TOOL,) if _CALLS in conversation else ())
        if tools:
            declarations = [bytes(tool) for tool in declared(tools, _tool)]
            members.append(b'"toolConfig":{"tools":[%b]}' % b",".join([*declarations, *point]))
        rest = _write(_parameters(request))[1:-1]
        return b"{" + b",".join([*members, rest] if rest else members) + b"}"

    def reading(self, vendor: Vendor, model: str) -> Reading:
        """Return what reads one answer."""
        del vendor, model
        return ConverseReading()

    def framing(self) -> Framing:
        """Return what cuts a stream into events."""
        from runtime.models.dialects.converse.frames import Frames  # noqa: PLC0415 - with botocore, where it is needed

        return Frames()

    def explained(self, refused: RefusedError) -> RefusedError:
        """Return a refusal as every vendor's is understood."""
        if _TOO_LONG not in refused.body:
            return refused
        said = {"error": {"message": _TOO_LONG.decode(), "code": "context_length_exceeded"}}
        return RefusedError(refused.status, _write(said), refused.retry_after_s, is_midway=refused.is_midway)


def _parameters(request: ModelRequest) -> dict[str, Any]:
    model, effort = request.model.name, request.reasoning_effort
    made: dict[str, Any] = {}
    if (most := most_tokens(model, effort)) is not None:
        made["inferenceConfig"] = {"maxTokens": most}
    if fields := thinking(model, effort):
        made["additionalModelRequestFields"] = fields
    if request.speed in _TIERS:
        made["serviceTier"] = {"type": request.speed}
    if (wanted := request.response_format) is not None:
        schema = {"name": wanted.name, "schema": _write(wanted.schema).decode()}
        made["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}
    return made


def _tool(tool: ToolSpec) -> Mapping[str, Any]:
    about = {"description": tool.description} if tool.description else {}
    return {"toolSpec": {"name": tool.name, **about, "inputSchema": {"json": tool.parameters}}}


def _text(text: str) -> bytes:
    return b'{"text":%b}' % _write(text if text.strip() else EMPTY)


def _picture(picture: Picture) -> bytes:
    if picture.data is None:  # here nobody fetches pictures
        return _text(UNREADABLE)
    kind = (picture.media_type or "").removeprefix("image/")
    return _write({"image": {"format": kind, "source": {"bytes": b64encode(picture.data).decode()}}})


def _part(part: Part) -> bytes:
    """Return a block, or nothing for what says nothing."""
    match part:
        case Text(text=text):
            return _text(text) if text.strip() else b""
        case Called(id=call_id, name=name, arguments=arguments):
            fitting = {"toolUseId": fitting_id(call_id), "name": fitting_name(name, NAME_CHARS)}
            head = _write(fitting).removesuffix(b"}")
            return b'%b%b,"input":%b}}' % (_CALLS, head, arguments.encode() or b"{}")
        case Thought():
            return _thought(part)


def _thought(thought: Thought) -> bytes:
    seal = Seal() if thought.extra is None else _seal.decode(thought.extra)
    if seal.redacted:
        return _write({"reasoningContent": {"redactedContent": seal.redacted}})
    if seal.signature:
        return _write({"reasoningContent": {"reasoningText": {"text": thought.text, "signature": seal.signature}}})
    return b""


def _turns(utterances: Sequence[Uttered]) -> Iterator[bytes]:
    ours: list[bytes] = []
    for speaker, pieces in utterances:
        if speaker is not Speaker.AGENT:
            ours.extend(pieces)
        else:
            yield from _turn(b"user", ours)
            ours = []
            yield from _turn(b"assistant", pieces)
    yield from _turn(b"user", ours)


def _turn(role: bytes, blocks: Sequence[bytes]) -> Iterator[bytes]:
    if blocks:
        yield b'{"role":"%b","content":[%b]}' % (role, b",".join(blocks))
