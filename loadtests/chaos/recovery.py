"""How long recovery took: from each blow to the next event of each session that it hit."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from loadtests.chaos.blow import Blow
from loadtests.chaos.ledger import Event, Log
from loadtests.chaos.plan import Kind
from loadtests.chaos.watcher import Connection

# After these the system owes the next event at once; after others it comes when a tool or a client is done.
_OWED: Final = ("output.message.started", "reason.thinking.started", "reason.recovered")
_PROGRESS: Final = ("reason.completed", "tool.completed")
_NEW_EPOCH: Final = (Kind.ACTOR, Kind.PAIR, Kind.BOTH, Kind.PAUSE, Kind.USURPER, Kind.EVERYTHING, Kind.RAY,
                     Kind.STUMBLE, Kind.DOOR_STUMBLE)  # fmt: skip


class Quantiles(NamedTuple):
    """Of `n` measured times, in seconds."""

    n: int
    p50: float
    p90: float
    p99: float
    max: float

    @classmethod
    def of(cls, times: Sequence[float]) -> "Quantiles":
        """Return the quantiles of at least one time."""
        ordered = sorted(times)
        p50, p90, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.9, 0.99))
        return cls(len(ordered), p50, p90, p99, ordered[-1])


class Recoveries:
    """Gathers times by what they are the times of."""

    def __init__(self) -> None:
        self._times: defaultdict[str, list[float]] = defaultdict(list)
        self._seen: dict[str, list[tuple[float, str]]] = {}

    def add_session(self, log: Log, first_seen: Mapping[int, float], blows: Iterable[Blow]) -> None:
        """Take in one session, before its connections."""
        seen = ((first_seen[e.sequence], e.type) for e in log.events if e.sequence in first_seen)
        self._seen[log.session_id] = sorted(seen)
        for blow in blows:
            epoch = blow.victims.get(log.session_id)
            if epoch is None or blow.door is not None:
                continue
            if blow.kind in _NEW_EPOCH:
                self._add_takeover(blow, epoch, log, first_seen)
            elif blow.ready_at is not None and not self._rests(log.session_id, blow.ready_at):
                later = [at for at in first_seen.values() if at > blow.ready_at]
                if later:
                    self._times[f"{blow.kind}: to next event"].append(min(later) - blow.at)

    def _add_takeover(self, blow: Blow, epoch: int, log: Log, first_seen: Mapping[int, float]) -> None:
        """Measure up to the first event under a newer epoch; what was on its way before the blow does not count."""
        index = next(
            (n for n, event in enumerate(log.events) if event.epoch > epoch - (blow.kind is Kind.USURPER)), None
        )
        if not index or log.events[index - 1].type not in _OWED:
            return
        at = first_seen.get(log.events[index].sequence)
        if at is None:
            return
        again = " (second death within one step)" if _died_before(log.events, index) else ""
        self._times[f"{blow.kind}{again}: to next event"].append(at - blow.at)
        if blow.ready_at is not None:
            self._times[f"{blow.kind}: healthy to next event"].append(max(0.0, at - blow.ready_at))

    def add_probes(self, blows: Iterable[Blow]) -> None:
        """Take in how long new sessions took."""
        for blow in blows:
            if blow.probe_s is not None:
                self._times[f"{blow.kind}: to a new session's answer"].append(blow.probe_s)

    def add_connections(self, session_id: str, connections: Sequence[Connection], blows: Iterable[Blow]) -> None:
        """Take in one watcher's connections, in order: from its door's death to what the next one brought."""
        for blow in blows:
            if blow.door is None or session_id not in blow.victims:
                continue
            before = [c for c in connections if c.opened_at < blow.at]
            after = [c for c in connections if c.opened_at >= blow.at]
            was_there = bool(before and after) and before[-1].door == blow.door
            if was_there and after[0].first_at is not None and not self._rests(session_id, after[0].opened_at):
                self._times[f"{blow.kind}: to next event of its clients"].append(after[0].first_at - blow.at)

    def _rests(self, session_id: str, at: float) -> bool:
        """Tell whether all that anybody had seen by then was a turn's end: the next event is its user's to bring."""
        seen = self._seen.get(session_id, [])
        index = bisect_right(seen, (at, chr(0x10FFFF)))
        return index > 0 and seen[index - 1][1] == "session.idled"

    def quantiles(self) -> dict[str, Quantiles]:
        """Return them by what they are the times of."""
        return {name: Quantiles.of(times) for name, times in sorted(self._times.items())}


def _died_before(events: Sequence[Event], index: int) -> bool:
    """Tell whether the step that the takeover continues had been taken over before."""
    epoch = events[index - 1].epoch
    for event in reversed(events[:index]):
        if event.type in _PROGRESS or event.type == "turn.started":
            return False
        if event.epoch < epoch:
            return True
    return False
