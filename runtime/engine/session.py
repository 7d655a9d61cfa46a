"""A live session: its state, the way into its journal, and what clients may ask of it.

Everything that changes the state is synchronous: it looks, appends and is done before anything else
runs, so that a session handles one thing at a time without a lock. The state runs ahead of the disk;
what clients see does not: frames leave after their commit, and deltas wait behind the events that they
follow (ARCHITECTURE.md, promises 1 and 2).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import msgspec
import structlog

from runtime.agents.live import Binding
from runtime.core import event as ev
from runtime.core.authored.definition import SessionDefinition
from runtime.core.errors import ConflictError, InvalidInputError, PerdureError
from runtime.core.message import Message, TextPart, ToolResultPart
from runtime.core.session import draft as write
from runtime.core.session.decision import Decision, decide_call
from runtime.core.session.draft import Draft
from runtime.core.session.fold import admit, fold
from runtime.core.session.result import result_value
from runtime.core.session.snapshot import snapshot
from runtime.core.session.state import SessionState, Turn
from runtime.engine.counting import count_end
from runtime.engine.pictures import Pictures
from runtime.engine.services import Services
from runtime.engine.stream import Deltas
from runtime.ports.gateway import ClientResult, Frame, Input
from runtime.ports.journal import Batch, Head, Line, Loaded
from runtime.process.mint import Mint, timestamp

log = structlog.get_logger(__name__)

TAIL_SHARE: Final = 10  # at most so little of a long log is read behind its snapshot


@dataclass(slots=True)
class _Pending:
    """An append on its way to the disk; clients may see it once it is there."""

    landed: "asyncio.Future[None]"
    lines: Sequence[Line]


class Observer(Protocol):
    """Whoever hosts the session, and hears what comes of it."""

    def published(self, session: "LiveSession", frames: Sequence[Frame]) -> None:
        """Take frames that clients may see now."""
        ...

    def lost(self, session: "LiveSession", error: PerdureError) -> None:
        """Hear that the session may not write any more."""
        ...


class LiveSession:
    """One session in memory. Not thread-safe: it belongs to one event loop."""

    def __init__(self, loaded: Loaded, state: SessionState, services: Services, observer: Observer) -> None:
        self.session_id = loaded.session_id
        self.org_id = loaded.org_id
        self.epoch = loaded.epoch
        self.workspace_id = loaded.workspace_id
        self.created_at = loaded.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        definition = msgspec.json.decode(loaded.definition, type=SessionDefinition)
        self.binding = Binding(
            loaded.session_id, loaded.org_id, loaded.harness_id, loaded.agent_id, definition, loaded.revision
        )
        self.state = state
        self.services = services
        self._first_title = loaded.title
        self.committed_sequence = state.last_sequence
        self.is_lost = False
        self._observer = observer
        self._mint = Mint(after=state.last_event_id)
        self._pending: list[_Pending] = []  # mostly none, for which a deque would take 760 bytes
        self._deltas = Deltas()
        self.pictures = Pictures(
            loaded.session_id,
            services.album,
            partial(services.workspace, loaded.org_id, loaded.workspace_id),
            partial(services.images, loaded.org_id, loaded.session_id),
        )
        self._catching_up: dict[Callable[[], None], None] = {}
        self._snapshot_at = state.last_sequence - len(loaded.tail)

    @property
    def turn(self) -> Turn:
        """The turn that is open. Raises RuntimeError if none is: a bug of the caller."""
        if self.state.turn is None:
            message = f"no turn is open in session {self.session_id}"
            raise RuntimeError(message)
        return self.state.turn

    @property
    def title(self) -> str | None:
        """What the session is called: by its log, or as it was opened."""
        return self._first_title if self.state.title is None else self.state.title

    # ------------------------------------------------------------ into the journal

    def append(self, *drafts: Draft) -> "asyncio.Future[None]":
        """Fold events into the state and send them to the disk together; the future is their commit.

        All of them or none: whatever this raises, the state is as it was. The future fails with StaleEpochError
        if the session has moved on; nothing was written then.

        Raises:
            JournalCorruptError: one of them may not come now.
        """
        first = self.state.last_sequence + 1
        events = [self._event(sequence, draft) for sequence, draft in enumerate(drafts, first)]
        lines = [_line(event, draft) for event, draft in zip(events, drafts, strict=True)]
        admit(self.state, events)
        if any(isinstance(draft.data, ev.SessionIdled) for draft in drafts):
            count_end(self.state.turn, drafts)
        for event, draft in zip(events, drafts, strict=True):
            fold(self.state, event, draft.private)
        entry = _Pending(asyncio.get_running_loop().create_future(), lines)
        self._pending.append(entry)
        batch = Batch(self.session_id, self.epoch, lines, self._head())
        self.services.journal.append(batch, self._landed)
        return entry.landed

    def _event(self, sequence: int, draft: Draft) -> ev.Event:
        return ev.Event(
            id=self._mint.new_id("event"),
            type=draft.data.type,
            ts=timestamp(),
            session_id=self.session_id,
            sequence=sequence,
            context=draft.context,
            data=draft.data,
            metadata=draft.metadata,
            tags=draft.tags,
        )

    def _head(self) -> Head:
        state = self.state
        usage = msgspec.json.encode(state.usage).decode()
        return Head(state.status, state.steps, usage, state.title, state.preview, state.output_preview)

    def _landed(self, error: PerdureError | None) -> None:
        entry = self._pending.pop(0)
        if error is None:
            self.committed_sequence = entry.lines[-1].sequence
            if not entry.landed.done():
                entry.landed.set_result(None)
            if not self.is_lost:
                self._show(entry.lines)
            return
        if not entry.landed.done():
            entry.landed.set_exception(error)
            entry.landed.exception()  # who does not wait for it hears of it through the observer
        self.lose(error)

    def _show(self, lines: Sequence[Line]) -> None:
        """Publish what has been committed, the deltas that follow it, and what waited for the disk to catch up."""
        frames = [Frame(line.sequence, line.type, line.id, line.body) for line in lines]
        frames += self._deltas.take(lines[-1].sequence)
        self._observer.published(self, frames)
        if not self._pending:
            if dropped := self._deltas.end():
                log.warning("deltas_dropped", session_id=self.session_id, count=dropped)
            waiting, self._catching_up = self._catching_up, {}
            for send in waiting:
                send()

    def lose(self, error: PerdureError) -> None:
        """Stop writing and showing anything: the session belongs to somebody else now."""
        if not self.is_lost:
            self.is_lost = True
            self._observer.lost(self, error)

    @property
    def is_settled(self) -> bool:
        """Whether everything appended is on the disk."""
        return not self._pending

    async def settled(self) -> None:
        """Wait until everything appended so far is on the disk. Raises StaleEpochError."""
        if self._pending:
            await asyncio.shield(self._pending[-1].landed)

    def send_delta(self, data: ev.Payload, context: ev.Context) -> None:
        """Send an ephemeral event, behind the durable ones that came before it.

        Of those that wait for the disk the oldest are dropped when they get too many, as a terminal's do.
        """
        if self._pending:
            self._deltas.put(self.state.last_sequence, self.ephemeral(data, context))
        elif not self.is_lost:
            self._observer.published(self, (self.ephemeral(data, context),))

    def when_settled(self, send: Callable[[], None]) -> None:
        """Call `send` when everything appended is on the disk: now, if it is, else once, however often it was given."""
        if self._pending:
            self._catching_up[send] = None
        else:
            send()

    def ephemeral(self, data: ev.Payload, context: ev.Context) -> Frame:
        """Return the frame of an event that is not journaled."""
        event = ev.Event(
            id=self._mint.new_id("event"),
            type=data.type,
            ts=timestamp(),
            session_id=self.session_id,
            context=context,
            data=data,
        )
        return Frame(0, event.type, event.id, ev.encode(event))

    def due_snapshot(self, every_events: int) -> tuple[int, bytes] | None:
        """Return sequence and state for a snapshot if one is due; only while nothing is on its way to the disk.

        A snapshot holds the whole conversation, so they come the rarer the longer that is.
        """
        last = self.state.last_sequence
        if self._pending or last - self._snapshot_at < max(every_events, last // TAIL_SHARE):
            return None
        self._snapshot_at = self.state.last_sequence
        return self.state.last_sequence, snapshot(self.state)

    def new_id(self, prefix: str) -> str:
        """Mint an id that sorts with the session's events."""
        return self._mint.new_id(prefix)

    # ------------------------------------------------------------ what clients ask

    def accept(self, given: Input, user_id: str | None = None) -> tuple[Message, "asyncio.Future[None] | None"]:
        """Take a user's message and return it with its commit; a repeated id or key gives the first one.

        Raises:
            ConflictError: the key came before with another content.
        """
        known = self._known(given)
        if known is not None:
            return known, self._pending[-1].landed if self._pending else None
        drafts = self._beginning()
        if self.state.is_waiting:
            drafts += write.abandon_turn(self.state, self.turn, timestamp())
        metadata = {"idempotency_key": given.idempotency_key} if given.idempotency_key else None
        data = ev.InputMessage(message=given.message, user_id=user_id)
        drafts.append(Draft(data, write.input_context(given.message.id), None, metadata, given.tags))
        return given.message, self.append(*drafts)

    def _known(self, given: Input) -> Message | None:
        first = self.state.inputs.find(given.message, given.idempotency_key, self.state.messages)
        if first is not None and first.content != given.message.content:
            text = f"Idempotency-Key {given.idempotency_key!r} came before with another content."
            raise ConflictError(text, "idempotency_key_reused")
        return first

    def _beginning(self) -> list[Draft]:
        """Return what comes before everything else: nothing, if it has come."""
        if self.state.is_started:
            return []
        binding = self.binding
        data = ev.SessionStarted(
            harness_id=binding.harness_id, agent_id=binding.agent_id, model_id=binding.definition.model_id
        )
        return [Draft(data, ev.Context())]

    def rename(self, title: str) -> bool:
        """Give the session another title; False if that is what it is called."""
        if title == self.title:
            return False
        data = ev.SessionTitleUpdated(title=title, previous_title=self.title)
        self.append(*self._beginning(), Draft(data, ev.Context()))
        return True

    def submit(self, results: Sequence[ClientResult]) -> "asyncio.Future[None]":
        """Take the results that the client owes, all of them at once; the future is their commit.

        Raises:
            ConflictError: the session waits for none.
            InvalidInputError: the ids are not exactly the pending ones.
        """
        if not self.state.awaits_client:
            raise ConflictError.not_waiting()
        turn = self.turn
        pending = {c.call.id: c for c in turn.pending()}
        given = sorted(r.tool_call_id for r in results)
        if given != sorted(pending):
            text = f"Expected one result for each of {sorted(pending)}, got {given}."
            raise InvalidInputError(text, "tool_call_mismatch")
        now = timestamp()
        return self.append(*[
            write.complete_call(turn, call, write.client_outcome(call, r.result, r.error), now)
            for r in results
            for call in (pending[r.tool_call_id],)
        ])  # fmt: skip

    def has_taken(self, results: Sequence[ClientResult]) -> bool:
        """Whether these very results are in the conversation."""
        taken = [
            part
            for turned in self.state.messages
            for part in turned.message.content
            if isinstance(part, ToolResultPart)
        ]
        return all(_as_part(result) in taken for result in results)

    def submit_decision(self, given: Decision) -> "asyncio.Future[None] | None":
        """Take a person's decision; the future is its commit, None if nobody asks about that attempt."""
        for call in self.turn.undecided() if self.state.awaits_decision else ():
            if (call.call.id, call.attempts) == (given.tool_call_id, given.attempt):
                return self.append(*decide_call(self.turn, call, given, timestamp()))
        return None

    def has_cancelled(self, note_id: str) -> bool:
        """Whether the cancel with this note has stopped a turn."""
        return any(turned.message.id == note_id for turned in reversed(self.state.messages))

    def began_after(self, note_id: str) -> bool:
        """Whether what runs was asked for after the cancel with this note: ids sort by when they were minted."""
        state = self.state
        asked_by = [state.turn.input_message_id] if state.turn else state.waiting_inputs[:1]
        return any(message_id > note_id for message_id in asked_by)

    def cancel(self, seen: str, note_id: str = "") -> "asyncio.Future[None]":
        """Stop the open turn, keeping what clients have seen of an unfinished message."""
        return self.append(*write.cancel_turn(self.state, self.turn, seen, timestamp(), self.new_id, note_id))


def _line(event: ev.Event, draft: Draft) -> Line:
    return Line(event.sequence or 0, event.id, event.type, event.context.turn_id, ev.encode(event), draft.private)


def _as_part(given: ClientResult) -> ToolResultPart:
    result = result_value((TextPart(write.as_text(given.result)),)) if given.error is None else None
    return ToolResultPart(given.tool_call_id, result, given.error)
