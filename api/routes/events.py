"""Events: pages of the log, the live stream, a summary (docs/wire.md, "Streams")."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from api.http.body import JsonRoute
from api.http.deps import Needs, OpenStreams
from api.http.pages import SessionId
from api.http.sse import EventStream, Follower, Start, Timing
from api.schemas.event import EventPage, EventQuery, EventSummary, StreamQuery, TypeCount
from runtime.core.errors import NotFoundError
from runtime.core.ids import is_id, parse_id
from runtime.ports.events import FOREVER, PAGE_LIMIT, Events, Filter, Part, Range, StoredEvent

router = APIRouter(prefix="/api/v1/sessions", tags=["events"], route_class=JsonRoute)

_LIST: Final[dict[int | str, dict[str, Any]]] = {200: {"model": EventPage}}
_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Events", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
}
_FAILURES: Final = frozenset({"turn.failed", "turn.sealed"})


@router.get("/{session_id}/events", response_class=Response, responses=_LIST)
async def list_events(session_id: SessionId, query: Annotated[EventQuery, Query()], deps: Needs) -> Response:
    """Return events of the log; without `limit` all that match."""
    events, chosen = deps.stores.events, query.filter()
    await _check_session(events, session_id)
    span = await _range(events, session_id, query, chosen)
    parts = [await events.read(session_id, chosen, span)]
    if query.before_sequence is not None and span.newest:
        parts = await _whole_turns(events, session_id, chosen, span, parts[0])
    headers = None
    if query.limit is not None:
        headers = {"X-Total-Count": str(await events.count(session_id, chosen))}
    if any(part.rest is not None for part in parts):
        return StreamingResponse(_all(events, session_id, chosen, parts), 200, headers, "application/json")
    return Response(_page([event for part in parts for event in part.items]), 200, headers, "application/json")


@router.get("/{session_id}/sse", response_class=Response, responses=_STREAM)
async def stream_events(
    session_id: SessionId,
    query: Annotated[StreamQuery, Query()],
    deps: Needs,
    streams: OpenStreams,
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventStream:
    """Follow a session: what was missed since a cursor, else since its last message, then what happens."""
    start = Start(query.since_id, query.after_sequence)
    if last_event_id and start == Start():
        start = Start(since_id=parse_id("event", last_event_id))
    follower = Follower(deps.principal, session_id, deps.stores.events, deps.gateway, query.filter())
    timing = Timing(deps.http.sse_heartbeat_s, deps.http.sse_cycle_s)
    return EventStream(session_id, follower, start, streams, timing)


@router.get("/{session_id}/events/summary")
async def summarize_events(session_id: SessionId, deps: Needs) -> EventSummary:
    """Count the events of a log."""
    await _check_session(deps.stores.events, session_id)
    found = await deps.stores.events.summary(session_id)
    return EventSummary(
        total=sum(count for _, count, _, _ in found),
        by_type=[TypeCount(event_type=name, count=count) for name, count, _, _ in found],
        first_ts=min((first for _, _, first, _ in found), default=None),
        last_ts=max((last for _, _, _, last in found), default=None),
        turn_count=sum(count for name, count, _, _ in found if name == "turn.started"),
        error_count=sum(count for name, count, _, _ in found if name in _FAILURES),
    )


async def _check_session(events: Events, session_id: str) -> None:
    if await events.head(session_id) is None:
        raise NotFoundError(kind="session", key=session_id)


async def _range(events: Events, session_id: str, query: EventQuery, chosen: Filter) -> Range:
    if query.around is not None:
        by_id = is_id("event", query.around)
        center = await events.sequence_of(session_id, query.around) if by_id else int(query.around)
        first, last = center - query.window, center + query.window
        return Range(first - 1, last + 1, 2 * query.window + 1, is_descending=query.order_desc)
    after = query.after_sequence
    if query.since_id is not None:
        after = await events.sequence_of(session_id, query.since_id)
    limit = query.limit or (PAGE_LIMIT if chosen.is_debugging or query.order_desc else None)
    before = FOREVER if query.before_sequence is None else query.before_sequence
    newest = limit is not None and after is None
    return Range(after or 0, before, limit, newest, query.order_desc)


async def _whole_turns(
    events: Events, session_id: str, chosen: Filter, span: Range, part: Part[StoredEvent]
) -> list[Part[StoredEvent]]:
    """Let a full page begin with the start of its first turn, unless that is very far back."""
    sequences = [event.sequence for event in part.items] + list(part.rest.found if part.rest else ())
    if len(sequences) < (span.limit or 0):
        return [part]
    first = min(sequences)
    start = await events.last_of_type(session_id, "turn.started", first)
    if not max(0, first - PAGE_LIMIT) < start < first:
        return [part]
    earlier = Range(start - 1, first, PAGE_LIMIT, is_descending=span.is_descending)
    both = [await events.read(session_id, chosen, earlier), part]
    return both[::-1] if span.is_descending else both


async def _all(
    events: Events, session_id: str, chosen: Filter, parts: Sequence[Part[StoredEvent]]
) -> AsyncIterator[bytes]:
    separator = b'{"data":['
    for first in parts:
        part = first
        while part.items:
            yield separator + b",".join(event.body for event in part.items)
            separator = b","
            part = await events.read(session_id, chosen, part.rest) if part.rest is not None else Part([], None)
    yield b"]}"


def _page(found: list[StoredEvent]) -> bytes:
    return b'{"data":[' + b",".join(event.body for event in found) + b"]}"
