"""Reading JSON bodies strictly: what is accepted here can be stored and sent again."""

import json
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import msgspec
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from api.notices import note_unknown, noting

T = TypeVar("T")
MAX_DEPTH: Final = 100  # a value is wrapped and copied further in, where the stack is deeper already
_TOO_DEEP: Final = f"The body is nested more than {MAX_DEPTH} levels deep."


class JsonRequest(Request):
    """A request whose JSON is read by `parse`, for a route that takes it as `kind`."""

    kind: Any = None

    async def json(self) -> Any:
        """Return the decoded body."""
        value = parse(await self.body())
        note_unknown(value, self.kind)
        return value


class JsonRoute(APIRoute):
    """A route whose bodies are read by `parse`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, given a `JsonRequest`."""
        handler = super().get_route_handler()
        kind = self.body_field.field_info.annotation if self.body_field else None

        async def handle(request: Request) -> Response:
            read = JsonRequest(request.scope, request.receive)
            read.kind = kind
            return await handler(read)

        return noting(handle)


class RawRoute(APIRoute):
    """A route that FastAPI documents but does not run: its endpoint takes the request and nothing else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint itself."""
        return noting(self.endpoint)


def parse(raw: bytes) -> Any:
    """Return any JSON. Raises HTTPException 400 for what is none, or cannot be stored."""
    value = _decode(_anything, raw)
    _check(value, MAX_DEPTH)
    _check_names(raw, _names)
    return value


def read(decoder: "msgspec.json.Decoder[T]", raw: bytes) -> T:
    """Return the JSON that a decoder takes. Raises HTTPException 400 for anything else."""
    value = _decode(decoder, raw)
    if b"\\u0000" in raw or raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        body = parse(raw)
    else:
        body = _check_names(raw, _members)
    note_unknown(body, decoder.type)
    return value


def _decode(decoder: "msgspec.json.Decoder[T]", raw: bytes) -> T:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as err:
        raise HTTPException(400, str(err)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as err:
        raise HTTPException(400, f"The body is not valid JSON: {err}") from None
    except RecursionError:
        raise HTTPException(400, _TOO_DEEP) from None


def _check(value: Any, depth: int) -> None:
    if isinstance(value, (dict, list)) and depth == 0:
        raise HTTPException(400, _TOO_DEEP)
    if isinstance(value, str):
        if "\x00" in value:
            raise HTTPException(400, "A string contains a NUL character.")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key, depth)
            _check(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth - 1)


def _check_names(raw: bytes, reader: json.JSONDecoder) -> Any:
    """Refuse an object that names a member twice: readers differ in which one they take (RFC 8259 §4)."""
    try:
        return reader.decode(raw.decode())
    except ValueError as err:
        raise HTTPException(400, f"The body is not valid JSON: {err}") from None


def _distinct(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        message = "a name appears twice in one object"
        raise ValueError(message)
    return found


def _check_distinct(members: list[tuple[str, Any]]) -> None:
    _distinct(members)


_members = json.JSONDecoder(object_pairs_hook=_distinct)
_names = json.JSONDecoder(object_pairs_hook=_check_distinct)  # keeps nothing: what it reads may be large
_anything: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder()
