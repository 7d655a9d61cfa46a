"""Reading JSON bodies strictly: what is accepted here can be stored and sent again.

A body is scanned before it is read: eight megabytes of `[],` would hold up every other request for seconds.
"""

import json
from typing import Any, Final, TypeVar

import msgspec
from fastapi import Request, Response
from starlette.exceptions import HTTPException

from api.http.auth import GuardedRoute, Handler
from api.http.errors import LIMIT_TEXT, BodyRefusedError
from api.http.notices import note_unknown, noting
from runtime.core.errors import InvalidInputError
from runtime.core.storable import check_json, is_storable

T = TypeVar("T")
_BODY: Final = f"{LIMIT_TEXT}: the body"


class JsonRequest(Request):
    """A request whose JSON is read by `parse`, for a route that takes it as `kind`."""

    kind: Any = None

    async def json(self) -> Any:
        """Return the decoded body."""
        value = parse(await self.body())
        note_unknown(value, self.kind)
        return value


class JsonRoute(GuardedRoute):
    """A route whose bodies are read by `parse`."""

    def get_route_handler(self) -> Handler:
        """Return FastAPI's handler, given a `JsonRequest`."""
        handler = super().get_route_handler()
        kind = self.body_field.field_info.annotation if self.body_field else None

        async def handle(request: Request) -> Response:
            read = JsonRequest(request.scope, request.receive)
            read.kind = kind
            return await handler(read)

        return noting(handle)


class RawRoute(GuardedRoute):
    """A route that FastAPI documents but does not run: its endpoint takes the request and nothing else."""

    def get_route_handler(self) -> Handler:
        """Return the endpoint itself, behind the guard."""
        return noting(self.guarded(self.endpoint))


def parse(raw: bytes) -> Any:
    """Return any JSON. Raises HTTPException 400 for what is none, or cannot be stored."""
    return read(_anything, raw)


def read(decoder: "msgspec.json.Decoder[T]", raw: bytes) -> T:
    """Return the JSON that a decoder takes. Raises HTTPException 400 for anything else."""
    try:
        check_json(_BODY, raw)
    except InvalidInputError as err:
        raise BodyRefusedError(str(err), err.reason) from None
    value = _decode(decoder, raw)
    body = _check_names(raw)
    if b"\\u0000" in raw:
        _check_texts(body)
    note_unknown(body, decoder.type)
    return value


def _decode(decoder: "msgspec.json.Decoder[T]", raw: bytes) -> T:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as err:
        raise HTTPException(400, str(err)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as err:
        raise HTTPException(400, f"The body is not valid JSON: {err}") from None


def _check_texts(value: Any) -> None:
    match value:
        case str() if not is_storable(value):
            raise HTTPException(400, "A string contains a NUL character.")
        case dict():
            for key, item in value.items():
                _check_texts(key)
                _check_texts(item)
        case list():
            for item in value:
                _check_texts(item)


def _check_names(raw: bytes) -> Any:
    """Refuse an object that names a member twice: readers differ in which one they take (RFC 8259 §4)."""
    try:
        return _members.decode(raw.decode())
    except ValueError as err:
        raise HTTPException(400, f"The body is not valid JSON: {err}") from None


def _distinct(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        message = "a name appears twice in one object"
        raise ValueError(message)
    return found


_members = json.JSONDecoder(object_pairs_hook=_distinct)
_anything: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder()
