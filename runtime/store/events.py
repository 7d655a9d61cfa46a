"""Reading the journal for people: lists, pages, messages. Stored bodies go out as they are, never decoded."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec.structs import replace

from runtime.core import event as ev
from runtime.core.ids import hex_of
from runtime.core.message import Message
from runtime.core.session.effect import Effect, project, unanswered
from runtime.core.session.result import result_message
from runtime.core.storable import storable
from runtime.ports.events import PAGE_LIMIT, PART_BYTES, Filter, Part, Range, StoredEvent
from runtime.store.pool import translate
from runtime.store.tenant import Tenant

_STORED_TYPES: Final = sorted(ev.KNOWN_TYPES - ev.EPHEMERAL_TYPES)  # what a newer server wrote stays hidden

# How large a compressed body is, Postgres knows only when it has unpacked it: mostly two to five times, at most 90.
_WEIGHT: Final = "pg_column_size(body) * CASE WHEN pg_column_compression(body) IS NULL THEN 1 ELSE 8 END"


def _held(chosen: str, order: str = "ASC") -> str:
    """Return a statement for those rows, in which only as many have their body as may be in memory at once."""
    return f"""
SELECT sequence, type, CASE WHEN total <= {PART_BYTES} OR total = weight THEN body END AS body
FROM (
    SELECT *, sum(weight) OVER (ORDER BY sequence {order} ROWS UNBOUNDED PRECEDING) AS total
    FROM (SELECT *, {_WEIGHT} AS weight FROM ({chosen}) chosen) weighed
) summed ORDER BY sequence {order}
"""


_MATCHES: Final = """
org_id = current_org() AND session_id = $1 AND type = ANY($2::text[])
    AND ($3::uuid IS NULL OR turn_id = $3)
    AND ($4::text IS NULL OR body->'context'->>'exec_id' = $4)
    AND ($5::text IS NULL OR body->'context'->>'trace_id' = $5)
    AND ($6::timestamptz IS NULL OR (body->>'ts')::timestamptz >= $6)
    AND ($7::timestamptz IS NULL OR (body->>'ts')::timestamptz <= $7)
    AND ($8::text[] IS NULL OR (body->'tags')::jsonb ?| $8)
    AND ($9::text IS NULL OR coalesce(body->'data'->>'tool_name', body->'data'->'tool_call'->>'name') = $9)
    AND ($10::text IS NULL OR strpos(lower(body->>'data'), lower($10)) > 0)
"""
_SELECT: Final = f"SELECT sequence, type, body FROM events WHERE {_MATCHES} AND sequence > $11 AND sequence < $12"
_FOUND: Final = """
SELECT sequence, type, body FROM events
WHERE org_id = current_org() AND session_id = $1 AND sequence = ANY($2::bigint[])
"""
# Each as a pair, ascending and descending.
OLDEST: Final = tuple(_held(f"{_SELECT} ORDER BY sequence LIMIT $13", order) for order in ("ASC", "DESC"))
NEWEST: Final = tuple(_held(f"{_SELECT} ORDER BY sequence DESC LIMIT $13", order) for order in ("ASC", "DESC"))
FOUND: Final = tuple(_held(_FOUND, order) for order in ("ASC", "DESC"))
COUNT: Final = f"SELECT count(*) FROM events WHERE {_MATCHES}"

AFTER: Final = _held("""
SELECT sequence, type, body FROM events WHERE org_id = current_org() AND session_id = $1 AND sequence > $2
ORDER BY sequence LIMIT $3
""")
# Ids of a session sort as its sequences do, so a cursor need not be an event that was ever stored.
SEQUENCE_OF_ID: Final = """
SELECT sequence FROM events WHERE org_id = current_org() AND session_id = $1 AND id <= $2 ORDER BY id DESC LIMIT 1
"""
LAST_OF_TYPE: Final = """
SELECT sequence FROM events WHERE org_id = current_org() AND session_id = $1 AND type = $2 AND sequence <= $3
ORDER BY sequence DESC LIMIT 1
"""
HEAD: Final = """
SELECT last_sequence FROM sessions WHERE org_id = current_org() AND id = $1 AND deleted_at IS NULL
"""
BEGINNING: Final = """
SELECT coalesce(
    (SELECT sequence - 1 FROM events
     WHERE org_id = current_org() AND session_id = s.id AND type = 'input.message' ORDER BY sequence DESC LIMIT 1),
    last_sequence
) FROM sessions s WHERE org_id = current_org() AND id = $1 AND deleted_at IS NULL
"""
MESSAGES: Final = _held("""
SELECT sequence, type, body FROM events
WHERE org_id = current_org() AND session_id = $1 AND sequence > $2 AND sequence < $3
  AND type IN ('input.message', 'output.message.completed', 'tool.completed')
ORDER BY sequence LIMIT $4
""")
SUMMARY: Final = """
SELECT type, count(*) AS count, min(body->>'ts') AS first_ts, max(body->>'ts') AS last_ts
FROM events WHERE org_id = current_org() AND session_id = $1 AND type = ANY($2::text[]) GROUP BY type ORDER BY type
"""

# Types are spelled out where the partial index `events_effects` is to be used.
EFFECTS: Final = """
SELECT sequence, body FROM events WHERE org_id = current_org() AND session_id = $1 AND type = 'tool.started'
ORDER BY sequence DESC LIMIT $2 OFFSET $3
"""
EFFECT_COUNT: Final = """
SELECT count(*) FROM events WHERE org_id = current_org() AND session_id = $1 AND type = 'tool.started'
"""
EFFECT: Final = """
SELECT sequence, body FROM events
WHERE org_id = current_org() AND session_id = $1 AND type = 'tool.started' AND body->'data'->'tool_call'->>'id' = $2
ORDER BY sequence DESC LIMIT 1
"""
# Whatever became of calls that began in a range: it is there before the last one's act is over.
OUTCOMES: Final = """
SELECT body FROM events
WHERE org_id = current_org() AND session_id = $1 AND sequence > $2
  AND type IN ('tool.completed', 'transcript.repaired', 'tool.decision_requested', 'tool.decision_made')
  AND sequence < coalesce((
    SELECT min(sequence) FROM events
    WHERE org_id = current_org() AND session_id = $1 AND type = 'act.completed' AND sequence > $3
  ), 9223372036854775807)
ORDER BY sequence
"""
DECISIONS: Final = """
WITH asked AS (
    SELECT e.session_id, e.turn_id, min(e.sequence) AS sequence
    FROM sessions s JOIN events e ON e.session_id = s.id AND e.type = 'tool.decision_requested'
    WHERE s.org_id = current_org() AND s.status = 'waitingfortoolresults' AND s.deleted_at IS NULL
      AND ($1::uuid IS NULL OR s.id = $1)
    GROUP BY e.session_id, e.turn_id
)
SELECT e.body FROM asked a JOIN events e
    ON e.session_id = a.session_id AND e.turn_id = a.turn_id AND e.sequence >= a.sequence
    AND e.type IN ('tool.completed', 'tool.decision_requested', 'tool.decision_made')
ORDER BY e.session_id, e.sequence
"""


class EventLog:
    """The journal of an organisation's sessions, read only (`runtime.ports.events.Events`)."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    async def head(self, session_id: str) -> int | None:
        """Return the last sequence of a session, 0 before its first event; None if there is no such session."""
        with translate():
            head: int | None = await self._tenant.fetchval(HEAD, hex_of(session_id))
        return head

    async def beginning(self, session_id: str) -> int | None:
        """Return the sequence before its newest message, else the head; None if there is no such session."""
        with translate():
            sequence: int | None = await self._tenant.fetchval(BEGINNING, hex_of(session_id))
        return sequence

    async def after(self, session_id: str, sequence: int, limit: int) -> Part[StoredEvent]:
        """Return up to `limit` events after a sequence, in order, of every type."""
        with translate():
            rows = await self._tenant.fetch(AFTER, hex_of(session_id), sequence, limit)
        events = _stored(rows)
        return Part(events, _onward(Range(sequence), rows, len(events), limit))

    async def sequence_of(self, session_id: str, event_id: str) -> int:
        """Return the sequence of the newest event that is not after an id, 0 if none is."""
        with translate():
            found = await self._tenant.fetchval(SEQUENCE_OF_ID, hex_of(session_id), hex_of(event_id))
        return found or 0

    async def last_of_type(self, session_id: str, event_type: str, until: int) -> int:
        """Return the sequence of the newest event of a type up to a sequence, 0 if there is none."""
        with translate():
            found = await self._tenant.fetchval(LAST_OF_TYPE, hex_of(session_id), event_type, until)
        return found or 0

    async def read(self, session_id: str, chosen: Filter, span: Range) -> Part[StoredEvent]:
        """Return the matching events of a range, oldest first unless it is descending."""
        with translate():
            rows = await self._tenant.fetch(*_asked(session_id, chosen, span))
        events = _stored(rows)
        if len(events) < len(rows):
            return Part(events, replace(span, found=tuple(row["sequence"] for row in rows[len(events) :])))
        is_over = span.limit is not None or not rows
        return Part(events, None if is_over else _onward(span, rows, len(events), 1 if span.found else PAGE_LIMIT))

    async def count(self, session_id: str, chosen: Filter) -> int:
        """Return how many stored events match, wherever they are."""
        with translate():
            total: int = await self._tenant.fetchval(COUNT, *_arguments(session_id, chosen))
        return total

    async def messages(self, session_id: str, span: Range) -> Part[tuple[int, Message]]:
        """Return the messages of an interval, oldest first, each with its sequence."""
        with translate():
            rows = await self._tenant.fetch(MESSAGES, hex_of(session_id), span.after, span.before, PAGE_LIMIT)
        held = [row for row in rows if row["body"] is not None]
        messages = [(event.sequence or 0, _message(event)) for event in _decoded(held)]
        return Part(messages, _onward(span, rows, len(held), PAGE_LIMIT))

    async def effects(self, session_id: str, limit: int, offset: int) -> tuple[list[Effect], int]:
        """Return a part of the effect ledger, newest first, and how many entries there are."""
        with translate():
            total: int = await self._tenant.fetchval(EFFECT_COUNT, hex_of(session_id))
            rows = await self._tenant.fetch(EFFECTS, hex_of(session_id), limit, offset)
        return (await self._project(session_id, rows[::-1]))[::-1], total

    async def effect(self, session_id: str, tool_call_id: str) -> Effect | None:
        """Return the ledger's newest entry of a call."""
        with translate():
            rows = await self._tenant.fetch(EFFECT, hex_of(session_id), storable(tool_call_id))
        found = await self._project(session_id, rows)
        return found[0] if found else None

    async def _project(self, session_id: str, starts: Sequence[Any]) -> list[Effect]:
        if not starts:
            return []
        first, last = starts[0]["sequence"], starts[-1]["sequence"]
        with translate():
            rows = await self._tenant.fetch(OUTCOMES, hex_of(session_id), first, last)
        return project(_decoded([*starts, *rows]))

    async def pending_decisions(self, session_id: str | None = None) -> list[ev.Event]:
        """Return the `tool.decision_requested` events that wait for a person, of one session or all, oldest first."""
        with translate():
            rows = await self._tenant.fetch(DECISIONS, hex_of(session_id) if session_id else None)
        return sorted(unanswered(_decoded(rows)), key=lambda event: event.ts)

    async def summary(self, session_id: str) -> list[tuple[str, int, str, str]]:
        """Return for each type: its name, how many events, and the times of the first and the last."""
        with translate():
            rows = await self._tenant.fetch(SUMMARY, hex_of(session_id), _STORED_TYPES)
        return [(r["type"], r["count"], r["first_ts"], r["last_ts"]) for r in rows]


def _stored(rows: Sequence[Any]) -> list[StoredEvent]:
    return [StoredEvent(sequence, name, body.encode()) for sequence, name, body in rows if body is not None]


def _onward(span: Range, rows: Sequence[Any], held: int, limit: int) -> Range | None:
    """Return what is left of an interval of which up to `limit` rows were asked for, and so many came with a body."""
    if held == len(rows) < limit:
        return None
    return replace(span, after=rows[held - 1]["sequence"], found=())


def _asked(session_id: str, chosen: Filter, span: Range) -> tuple[Any, ...]:
    if span.found:
        return FOUND[span.is_descending], hex_of(session_id), span.found
    query = (NEWEST if span.newest else OLDEST)[span.is_descending]
    return query, *_arguments(session_id, chosen), span.after, span.before, span.limit or PAGE_LIMIT


def _decoded(rows: Sequence[Any]) -> list[ev.Event]:
    return [event for row in rows if (event := ev.decode(row["body"])) is not None]


def _arguments(session_id: str, chosen: Filter) -> tuple[Any, ...]:
    return (
        hex_of(session_id),
        [name for name in _STORED_TYPES if chosen.allows(name)],
        chosen.turn_id and hex_of(chosen.turn_id),
        chosen.exec_id,
        chosen.trace_id,
        chosen.from_ts,
        chosen.to_ts,
        list(chosen.tags) if chosen.tags else None,
        chosen.tool_name,
        chosen.text,
    )


def _message(event: ev.Event) -> Message:
    if isinstance(event.data, ev.ToolCompleted):
        return result_message(event)
    message: Message = event.data.message
    return message
