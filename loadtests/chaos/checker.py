"""What was promised against what was seen: pure functions from evidence and journal to findings.

Nothing here knows the code under test. Each check reads what clients received, what the database holds and
what tools and model endpoints noted themselves, and reports every contradiction.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final, NamedTuple

from loadtests.chaos.ledger import Event, Log
from loadtests.chaos.plan import RESTARTS, WINDOW_S
from loadtests.chaos.vendor import ModelRequest
from loadtests.chaos.witness import DiaryLine, Evidence, Seen

QUARANTINED: Final = "session_quarantined"
NOTICED_S: Final = 5.0  # from a blow to its being counted
TURN_ENDS: Final = ("turn.completed", "turn.failed", "turn.cancelled", "turn.sealed")


class Promise(StrEnum):
    """What is counted. The aim of each is 0."""

    ACCEPTED_LOST = "accepted messages and tool results lost"
    ACCEPTED_TWICE = "messages stored twice"
    EVENTS_LOST = "durable events lost"
    EVENTS_REPEATED = "durable events repeated"
    EVENTS_DISORDERED = "durable events out of order"
    EVENTS_ALTERED = "durable events seen that differ from the database"
    OLD_EPOCHS = "events of an older epoch after a newer one"
    MODEL_PAID_TWICE = "finished model calls paid twice"
    ONCE_TWICE = "`once` tools run twice"
    TOOL_AGAIN = "finished tool calls run again"
    TOOL_UNFOUNDED = "tool runs without journaled intent, or results without a run"
    TURN_ENDLESS = "turns without an end"
    TURN_WRONG = "turns that ended otherwise than they should"
    UNUSABLE = "sessions left unusable"
    LOOP_OVER = "essential loops that stood still, or whose process lived on without them"
    POISON_LOOSE = "sessions that kill and were not stopped"
    FOREIGN_SEEN = "sessions seen or touched by another organisation"


class Finding(NamedTuple):
    """One broken promise."""

    promise: Promise
    session_id: str
    what: str


class Outside(NamedTuple):
    """What was noted outside the system: tools' diary by call, and requests to the model endpoint by message."""

    diary: Mapping[str, Sequence[DiaryLine]]
    requests: Mapping[str, Sequence[ModelRequest]]


class Turn(NamedTuple):
    """One turn of a log: from its `turn.started` to its end, or to the end of the log."""

    turn_id: str
    input_message_id: str
    events: list[Event]
    end: Event | None


def check(log: Log, evidence: Evidence, outside: Outside) -> list[Finding]:
    """Return every broken promise of one session."""
    return [Finding(promise, log.session_id, what) for promise, what in _check(log, evidence, outside)]


def counts(findings: Sequence[Finding]) -> dict[Promise, int]:
    """Return how often each promise was broken, zeros too."""
    found = Counter(finding.promise for finding in findings)
    return {promise: found[promise] for promise in Promise}


Broken = Iterator[tuple[Promise, str]]


def _check(log: Log, evidence: Evidence, outside: Outside) -> Broken:
    first_seen = evidence.first_seen()
    yield from check_journal(log)
    yield from check_epochs(log, evidence)
    for name, seen in evidence.watchers.items():
        yield from check_watcher(name, seen, log)
    yield from check_accepted(log, evidence)
    yield from check_turns(log)
    yield from check_outcomes(log, evidence, outside.requests)
    yield from check_steps(log)
    yield from check_model_requests(log, evidence, outside.requests, first_seen)
    yield from check_tools(log, outside.diary, first_seen)
    for stall in evidence.stalled:
        yield Promise.TURN_ENDLESS, stall
    if not evidence.is_usable:
        yield (
            Promise.UNUSABLE,
            f"it did not answer its last message; its last refusal: {evidence.last_refusal or 'none'}",
        )


# ---------------------------------------------------------------- the journal itself


def check_journal(log: Log) -> Broken:
    """Sequences are dense from 1 and end where the session's row says."""
    sequences = [event.sequence for event in log.events]
    if missing := set(range(1, log.last_sequence + 1)) - set(sequences):
        yield Promise.EVENTS_LOST, f"the journal lacks {sorted(missing)[:10]}"
    if beyond := [s for s in sequences if s > log.last_sequence]:
        yield Promise.EVENTS_LOST, f"the session's row says {log.last_sequence}, the journal goes to {beyond[-1]}"
    ids = Counter(event.body["id"] for event in log.events)
    for event_id, count in ids.items():
        if count > 1:
            yield Promise.EVENTS_REPEATED, f"{event_id} is in the journal {count} times"
    for event in log.events:
        if event.body.get("sequence") != event.sequence or event.body.get("type") != event.type:
            yield Promise.EVENTS_ALTERED, f"{event.sequence}: its body says otherwise than its row"


def check_epochs(log: Log, evidence: Evidence) -> Broken:
    """Epochs never fall, and nobody writes under an epoch once a newer one has been given out."""
    for before, after in pairwise(log.events):
        if after.epoch < before.epoch:
            yield Promise.OLD_EPOCHS, f"{after.sequence} is of epoch {after.epoch}, {before.sequence} of {before.epoch}"
    for epoch, last_sequence in evidence.heads:
        for event in log.events[last_sequence:]:
            if event.epoch < epoch:
                what = f"{event.sequence} was written under epoch {event.epoch} after epoch {epoch} had been given out"
                yield Promise.OLD_EPOCHS, what


# ---------------------------------------------------------------- what clients were told


def check_watcher(name: str, seen: Sequence[Seen], log: Log) -> Broken:
    """A watcher that came back by cursor saw every event once, in order, as the database has it."""
    stored = {event.sequence: event.digest for event in log.events}
    missing: set[int] = set()
    last = 0
    for sequence, its_digest, _ in seen:
        if sequence > last:
            missing.update(range(last + 1, sequence))
            last = sequence
        elif sequence in missing:
            missing.discard(sequence)
            yield Promise.EVENTS_DISORDERED, f"watcher {name} saw {sequence} after {last}"
        else:
            yield Promise.EVENTS_REPEATED, f"watcher {name} saw {sequence} again"
        if sequence not in stored:
            yield Promise.EVENTS_LOST, f"watcher {name} saw {sequence}, which is not in the database"
        elif stored[sequence] != its_digest:
            yield Promise.EVENTS_ALTERED, f"watcher {name} saw another {sequence} than the database has"
    missing.update(range(last + 1, log.last_sequence + 1))
    for sequence in sorted(missing):
        yield Promise.EVENTS_LOST, f"watcher {name} never saw {sequence}"


def check_accepted(log: Log, evidence: Evidence) -> Broken:
    """What was answered with 2xx is in the journal, once."""
    by_key = _inputs_by_key(log)
    for accepted in evidence.accepted:
        if accepted.message_id not in by_key[accepted.nonce]:
            yield Promise.ACCEPTED_LOST, f"message {accepted.nonce} ({accepted.message_id})"
    for nonce in evidence.attempted:
        if len(by_key[nonce]) > 1:
            yield Promise.ACCEPTED_TWICE, f"message {nonce} is in the journal {len(by_key[nonce])} times"
    outcomes = {e.data["tool_call_id"]: e for e in log.events if e.type == "tool.completed"}
    for call_id in evidence.results:
        if call_id not in outcomes:
            yield Promise.ACCEPTED_LOST, f"the result of {call_id}"


def _inputs_by_key(log: Log) -> defaultdict[str | None, list[str]]:
    by_key: defaultdict[str | None, list[str]] = defaultdict(list)
    for event in log.events:
        if event.type == "input.message":
            by_key[(event.body.get("metadata") or {}).get("idempotency_key")].append(event.data["message"]["id"])
    return by_key


# ---------------------------------------------------------------- turns


def turns(log: Log) -> list[Turn]:
    """Cut a log into turns."""
    found: list[Turn] = []
    for event in log.events:
        if event.type == "turn.started":
            found.append(Turn(event.data["turn_id"], event.data["input_message_id"], [], None))
        if found and found[-1].end is None:
            turn = found[-1]
            turn.events.append(event)
            if event.type in TURN_ENDS and event.data["turn_id"] == turn.turn_id:
                found[-1] = turn._replace(end=event)
    return found


def check_turns(log: Log) -> Broken:
    """Every turn that began has exactly one end, and every input its turn."""
    started = [e.data["turn_id"] for e in log.events if e.type == "turn.started"]
    ended = Counter(e.data["turn_id"] for e in log.events if e.type in TURN_ENDS)
    for turn_id in started:
        if ended[turn_id] == 0:
            yield Promise.TURN_ENDLESS, f"turn {turn_id}"
        elif ended[turn_id] > 1:
            yield Promise.TURN_WRONG, f"turn {turn_id} ended {ended[turn_id]} times"
    idled = sum(event.type == "session.idled" for event in log.events)
    if idled != len(started):
        yield Promise.TURN_ENDLESS, f"{len(started)} turns began, the session went idle {idled} times"
    inputs = [event.sequence for event in log.events if event.type == "input.message"]
    last_start = max((e.sequence for e in log.events if e.type == "session.idled"), default=0)
    if unheard := [s for s in inputs if s > last_start]:
        yield Promise.TURN_ENDLESS, f"the messages {unheard} never came to a turn's end"


def check_outcomes(log: Log, evidence: Evidence, requests: Mapping[str, Sequence[ModelRequest]]) -> Broken:
    """A turn that nobody disturbed says exactly what its message asked for, each part once."""
    replies = {a.message_id: a for a in evidence.accepted if a.nonce not in evidence.cancelled}
    inputs = {e.data["message"]["id"]: e.sequence for e in log.events if e.type == "input.message"}
    for turn in turns(log):
        asked = replies.get(turn.input_message_id)
        if turn.end is None or asked is None or evidence.excused is not None:
            continue
        is_mad = asked.is_mad or any(request.is_babbled for request in requests.get(asked.nonce, ()))
        if turn.end.type != "turn.completed":
            if turn.end.type == "turn.failed" and not _may_fail(turn.end, evidence, is_mad=is_mad):
                yield Promise.TURN_WRONG, f"{asked.nonce} failed: {turn.end.data.get('error_code')}"
            continue
        if is_mad or any(inputs[asked.message_id] < sequence < turn.end.sequence for sequence in inputs.values()):
            continue  # it says garbage, or another message came meanwhile: what it says depends on the moment
        said = [_text(e.data["message"]) for e in turn.events if e.type == "output.message.completed"]
        if said != list(asked.replies):
            yield Promise.TURN_WRONG, f"{asked.nonce} was answered {said} and not {list(asked.replies)}"


def _may_fail(end: Event, evidence: Evidence, *, is_mad: bool) -> bool:
    """Tell whether a turn had a reason: garbage ends in an error and kills nobody; many blows look like poison."""
    return _was_hunted(end, evidence) if end.data.get("error_code") == QUARANTINED else is_mad


def _was_hunted(end: Event, evidence: Evidence) -> bool:
    """Tell whether a turn was failed as poison's, and struck as often as poison kills."""
    at = evidence.first_seen().get(end.sequence)
    if at is None:
        return False
    return sum(at - WINDOW_S - NOTICED_S <= blow <= at for blow in evidence.blows) > RESTARTS


def _text(message: Mapping[str, Any]) -> str:
    return "".join(part["text"] for part in message["content"] if part.get("type") == "text")


# ---------------------------------------------------------------- steps


def check_steps(log: Log) -> Broken:
    """A model call is completed once, and so is a tool call."""
    for event_type, key in (("reason.completed", _span), ("tool.completed", _call)):
        for step, count in Counter(key(e) for e in log.events if e.type == event_type).items():
            if count > 1 and event_type == "reason.completed":
                yield Promise.MODEL_PAID_TWICE, f"{step} was completed {count} times"
            elif count > 1:
                yield Promise.TOOL_AGAIN, f"{step} was completed {count} times"
    for turn in turns(log):
        finished = sum(event.type == "reason.completed" for event in turn.events)
        paid = sum(e.type == "llm.generation" and e.data["metadata"]["success"] for e in turn.events)
        if paid > finished:
            yield Promise.MODEL_PAID_TWICE, f"turn {turn.turn_id}: {paid} answers for {finished} steps"


def _span(event: Event) -> str:
    return str(event.body["context"].get("span_id"))


def _call(event: Event) -> str:
    return str(event.data["tool_call_id"])


def check_model_requests(
    log: Log, evidence: Evidence, requests: Mapping[str, Sequence[ModelRequest]], first_seen: Mapping[int, float]
) -> Broken:
    """Once a client has seen that a model call finished, nobody asks the model for it again."""
    nonces = {accepted.message_id: accepted.nonce for accepted in evidence.accepted}
    for turn in turns(log):
        nonce = nonces.get(turn.input_message_id, "")
        steps = [event for event in turn.events if event.type == "reason.completed" and event.data["success"]]
        for call_index, step in enumerate(steps):
            finished_at = first_seen.get(step.sequence)
            for request in requests.get(nonce, ()):
                if finished_at is not None and request.call_index == call_index and request.at > finished_at:
                    late_s = request.at - finished_at
                    yield Promise.MODEL_PAID_TWICE, f"{nonce}, call {call_index}: asked again {late_s:.3f} s later"


def check_tools(log: Log, diary: Mapping[str, Sequence[DiaryLine]], first_seen: Mapping[int, float]) -> Broken:
    """Tools ran as often as they may, only after their intent was journaled, and where results say so."""
    for call_id in intents(log):
        began = [line for line in diary.get(call_id, ()) if line.what == "began"]
        if len(began) > 1 and began[0].tool == "write_once":
            yield Promise.ONCE_TWICE, f"{call_id} began {len(began)} times"
    for event in log.events:
        if event.type == "tool.completed" and event.data["tool_name"].startswith("write_"):
            yield from _check_outcome(event, diary.get(_call(event), ()), first_seen.get(event.sequence))


def _check_outcome(event: Event, lines: Sequence[DiaryLine], finished_at: float | None) -> Broken:
    if event.data["success"] and not any(line.what == "ended" for line in lines):
        yield Promise.TOOL_UNFOUNDED, f"{_call(event)} has a result and never ran to its end"
    for line in lines:
        if line.what == "began" and finished_at is not None and line.at > finished_at:
            yield Promise.TOOL_AGAIN, f"{_call(event)} began again {line.at - finished_at:.3f} s after its result"


def intents(log: Log) -> set[str]:
    """Return the tool calls that a session's journal announces."""
    return {event.data["tool_call"]["id"] for event in log.events if event.type == "tool.started"}


def check_intents(announced: Collection[str], diary: Mapping[str, Sequence[DiaryLine]]) -> list[Finding]:
    """Return the tool runs that no session's journal announces."""
    return [
        Finding(Promise.TOOL_UNFOUNDED, "-", f"{call_id} ran without a journaled intent")
        for call_id in diary
        if call_id not in announced
    ]
