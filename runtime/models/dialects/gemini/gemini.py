"""Google's protocol for Gemini: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent.

Keys are sent in the spelling of Google's own client.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from copy import deepcopy
from mimetypes import guess_type
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

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
from runtime.models.dialects.gemini.reading import GeminiReading
from runtime.models.dialects.gemini.refusals import explained
from runtime.models.dialects.gemini.traits import keeps_to_schemas, modalities, thinking
from runtime.models.dialects.schemas.gemini import sent_schema
from runtime.models.vendors import Vendor
from runtime.ports.model import ModelRequest, ToolSpec

_TIERS: Final[Mapping[str, str]] = {"default": "standard", "flex": "flex", "priority": "priority"}
_LONGEST_S: Final = "1200"  # that an answer may take, before Google breaks it off
_NOBODY: Final = b'{"parts":[{"text":""}],"role":"user"}'  # a conversation may not be empty

# The first call of a turn must have a signature. This one is for calls that were made by another model:
# https://ai.google.dev/gemini-api/docs/thought-signatures#faqs
_UNSIGNED: Final = msgspec.Raw(msgspec.json.encode(urlsafe_b64encode(b"skip_thought_signature_validator").decode()))


class _Call(msgspec.Struct):
    name: str
    id: str
    args: msgspec.Raw


class _Written(msgspec.Struct, rename="camel", omit_defaults=True):
    """A part as it is sent. `thought_signature` is a string's JSON."""

    text: str | UnsetType = UNSET
    thought: bool = False
    function_call: _Call | UnsetType = UNSET
    thought_signature: msgspec.Raw | UnsetType = UNSET


_encode: Final = msgspec.json.encode


class Gemini(Dialect):
    """Writes and reads Google's protocol. An `extra` is a signature, or the whole part where we have no word for it."""

    def said(self, content: Sequence[str | Picture]) -> Sequence[bytes]:
        """Return a user's message, which has words or a picture at least."""
        return [_encode({"text": item} if isinstance(item, str) else _seen(item)) for item in content]

    def answered(self, parts: Sequence[Part]) -> Sequence[bytes]:
        """Return an agent's message: as `Whole` had it if this vendor gave it, else its text and then its calls."""
        first_call = next((part for part in parts if isinstance(part, Called)), None)
        return [
            _again(part, is_first_call=part is first_call)
            for part in parts
            if not isinstance(part, Thought) or part.text
        ]

    def returned(self, call: Called, result: str, *, has_failed: bool) -> bytes:
        """Return what came of a call."""
        response = {"error" if has_failed else "return_value": result}
        return _encode({"functionResponse": {"id": call.id, "name": call.name, "response": response}})

    def joined(self, utterances: Sequence[Uttered]) -> bytes:
        """Return turns as elements of the array, with commas between them. Users' turns that touch are one."""
        turns: list[tuple[Speaker, list[bytes]]] = []
        before: Speaker | None = None
        for speaker, pieces in utterances:
            if speaker is Speaker.USER and before is Speaker.USER:
                turns[-1][1].extend(pieces)
            elif pieces:
                turns.append((speaker, list(pieces)))
            before = speaker
        return b",".join(_turn(speaker, pieces) for speaker, pieces in turns)

    def path(self, model: str) -> str:
        """Return where a streamed answer is asked for, below the vendor's address."""
        name = model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"
        return f"/v1beta/{name}:streamGenerateContent?alt=sse"

    def headers(self, api_key: str, request: ModelRequest) -> Mapping[str, str]:
        """Return what goes beside the content type."""
        del request
        return {"x-goog-api-key": api_key, "x-server-timeout": _LONGEST_S}

    def body(self, vendor: Vendor, request: ModelRequest, conversation: bytes) -> bytes:
        """Return the request's body. `conversation` is the inside of the array of turns."""
        del vendor
        model = request.model.name
        answering: dict[str, Any] = {"responseModalities": modalities(model)}
        if (how := thinking(model, request.reasoning_effort)) is not None:
            answering["thinkingConfig"] = how
        if (wanted := request.response_format) is not None:
            answering["responseMimeType"] = "application/json"
            answering["responseJsonSchema"] = {**sent_schema(deepcopy(wanted.schema)), "title": wanted.name}
        rest: dict[str, Any] = {"generationConfig": answering}
        if request.system:
            rest["systemInstruction"] = {"parts": [{"text": request.system}], "role": "user"}
        if request.tools:
            rest["tools"] = [{"functionDeclarations": declared(request.tools, _tool)}]
            mode = "VALIDATED" if keeps_to_schemas(model) else "AUTO"
            rest["toolConfig"] = {"functionCallingConfig": {"mode": mode}}
        if (tier := _TIERS.get(request.speed or "")) is not None:
            rest["serviceTier"] = tier
        return b'{"contents":[' + (conversation or _NOBODY) + b"]," + _encode(rest)[1:]

    def reading(self, vendor: Vendor, model: str) -> Reading:
        """Return what reads one answer."""
        del vendor, model
        return GeminiReading()

    def explained(self, refused: RefusedError) -> RefusedError:
        """Return a refusal in the form in which every vendor's is understood."""
        return explained(refused)


def _tool(tool: ToolSpec) -> Mapping[str, Any]:
    parameters = sent_schema(tool.parameters)
    return {"name": tool.name, "description": tool.description, "parameters_json_schema": parameters}


def _seen(picture: Picture) -> Mapping[str, Any]:
    if picture.data is not None:
        return {"inlineData": {"data": urlsafe_b64encode(picture.data).decode(), "mime_type": picture.media_type}}
    url = picture.url or ""  # Google fetches it
    media_type = picture.media_type or guess_type(url.partition("?")[0], strict=False)[0]
    return {"fileData": {"file_uri": url, **({"mime_type": media_type} if media_type else {})}}


def _again(part: Part, *, is_first_call: bool) -> bytes:
    signature: msgspec.Raw | UnsetType = UNSET if part.extra is None else part.extra
    match part:
        case Text(text="", extra=msgspec.Raw() as extra) if bytes(extra).startswith(b"{"):
            return bytes(extra)
        case Text(text=text):
            return _encode(_Written(text=text, thought_signature=signature))
        case Thought(text=text):
            return _encode(_Written(text=text, thought=True, thought_signature=signature))
        case Called():
            call = _Call(part.name, part.id, msgspec.Raw(part.arguments.encode() or b"{}"))
            if signature is UNSET and is_first_call:
                signature = _UNSIGNED
            return _encode(_Written(function_call=call, thought_signature=signature))


def _turn(speaker: Speaker, pieces: Sequence[bytes]) -> bytes:
    role = b'"model"' if speaker is Speaker.AGENT else b'"user"'
    return b'{"parts":[' + b",".join(pieces) + b'],"role":' + role + b"}"
