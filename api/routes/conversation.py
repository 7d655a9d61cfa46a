"""Messages and tool results: the hot path (docs/wire.md, "Messages").

No query and no pydantic here: read, check, hand over, answer with the bytes.
"""

from collections.abc import AsyncIterator
from typing import Final

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from api.http.body import RawRoute, read
from api.http.deps import deps_of
from api.http.openapi import KEY_PARAMETER, documented
from api.schemas.message import (
    MessageBody,
    MessageList,
    SentMessage,
    ToolResultsBody,
    ToolResultsReply,
)
from runtime.core.errors import InvalidInputError, NotFoundError
from runtime.core.ids import parse_id
from runtime.core.message import Message
from runtime.ports.events import Events, Part, Range
from runtime.ports.gateway import Input
from runtime.process.mint import new_id, timestamp

MAX_KEY_CHARS: Final = 255
_UNDER_BOTH_NAMES: Final = b'{"data":[%b],"messages":[%b]}'

router = APIRouter(prefix="/api/v1/sessions", tags=["messages"], route_class=RawRoute)
_message_body = msgspec.json.Decoder(MessageBody)
_results_body = msgspec.json.Decoder(ToolResultsBody)
_encoder = msgspec.json.Encoder()


@router.post(
    "/{session_id}/messages",
    status_code=201,
    openapi_extra=documented(MessageBody, SentMessage, 201, KEY_PARAMETER),
)
async def send_message(request: Request) -> Response:
    """Send a user message. A 201 means that it is committed; the turn runs on its own."""
    session_id = _session_id(request)
    body = read(_message_body, await request.body())
    deps = await deps_of(request)
    means = None if body.model_key is None else await deps.models.settled(body.model_key)
    sent = Input(
        message=body.to_message(new_id("message"), timestamp(), means),
        tags=body.tags,
        idempotency_key=_key(request.headers.get("idempotency-key")),
    )
    await deps.check_session(session_id)
    if named := sent.message.image_ids:
        await deps.stores.images.check(named)
    message = await deps.gateway.send(deps.principal, session_id, sent)
    return _json(SentMessage.of(message, session_id), 201)


@router.get("/{session_id}/messages", openapi_extra=documented(None, MessageList, 200))
async def list_messages(request: Request) -> Response:
    """Return the whole conversation, oldest first."""
    session_id, events = _session_id(request), (await deps_of(request)).stores.events
    head = await events.head(session_id)
    if head is None:
        raise NotFoundError(kind="session", key=session_id)
    span = Range(before=head + 1)
    part = await events.messages(session_id, span)
    if part.rest is not None:
        return StreamingResponse(_long(events, session_id, span), 200, media_type="application/json")
    shown = b",".join(_shown(part, session_id))
    return Response(_UNDER_BOTH_NAMES % (shown, shown), 200, media_type="application/json")


@router.post("/{session_id}/tool-results", openapi_extra=documented(ToolResultsBody, ToolResultsReply, 200))
async def submit_results(request: Request) -> Response:
    """Hand in what the client's tools answered: for exactly the calls that the session waits for."""
    session_id = _session_id(request)
    results = read(_results_body, await request.body()).results()
    deps = await deps_of(request)
    await deps.check_session(session_id)
    status = await deps.gateway.submit_results(deps.principal, session_id, results)
    return _json(ToolResultsReply(len(results), status), 200)


def _shown(part: Part[tuple[int, Message]], session_id: str) -> list[bytes]:
    return [_encoder.encode(SentMessage.of(message, session_id, sequence)) for sequence, message in part.items]


async def _long(events: Events, session_id: str, span: Range) -> AsyncIterator[bytes]:
    """Yield what does not fit into memory: it is read for each of its names."""
    for opening in (b'{"data":[', b'],"messages":['):
        part = await events.messages(session_id, span)
        yield opening + b",".join(_shown(part, session_id))
        while part.rest is not None:
            part = await events.messages(session_id, part.rest)
            yield b"".join(b"," + message for message in _shown(part, session_id))
    yield b"]}"


def _session_id(request: Request) -> str:
    return parse_id("session", request.path_params["session_id"])


def _key(header: str | None) -> str | None:
    if header is None:
        return None
    if not 0 < len(header) <= MAX_KEY_CHARS or any(not "!" <= char <= "~" for char in header):
        message = f"An Idempotency-Key has 1 to {MAX_KEY_CHARS} visible ASCII characters."
        raise InvalidInputError(message, "invalid_idempotency_key")
    return header


def _json(value: msgspec.Struct, status: int) -> Response:
    return Response(_encoder.encode(value), status, media_type="application/json")
