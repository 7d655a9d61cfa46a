"""What processes say to each other: front doors, session actors and the supervisor.

Everything here crosses a process boundary in batches, so it is plain values, and the boundary of a version. What goes
by connections is written as `runtime.wire.codec` says; what goes by calls through Ray is pickled there.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from runtime.core.access.principal import Principal
from runtime.core.access.roles import Scope
from runtime.core.errors import PerdureError
from runtime.core.message import Message
from runtime.core.metrics.counts import Counts
from runtime.core.session.decision import Decision
from runtime.core.wire import Wire
from runtime.ports.gateway import ClientResult, Frame, Input


class Said(Wire, frozen=True, array_like=True, tag=True):
    """What is written as its kind and its fields by position: a reader does without those that one of the two lacks."""


class Hello(Said, frozen=True):
    """The first thing that either side of a connection says. `name` is the caller's."""

    name: str


class Send(Said, frozen=True):
    """Accept a user message; answered with the message, after its commit."""

    given: Input


class Cancel(Said, frozen=True):
    """Stop the turn; answered with whether there was one, after its commit.

    `note_id` is minted once, at the front door: in the conversation it is the id of the note that the user cancelled.
    `is_repeated`: an owner that died may have stopped the turn already, and what runs by now may not be meant.
    """

    note_id: str = ""
    is_repeated: bool = False


class Submit(Said, frozen=True):
    """Take the client's tool results; answered with the session's status, after their commit.

    `is_repeated`: an owner that died may have taken them already, which is then as good.
    """

    results: tuple[ClientResult, ...]
    is_repeated: bool = False


class Decide(Said, frozen=True):
    """Take a person's decision; answered with whether a question was open for it, after its commit."""

    decision: Decision


class Rename(Said, frozen=True):
    """Give the session another title; answered with whether it is another one, after its commit."""

    title: str


class Watch(Said, frozen=True):
    """Send the session's events to this front door; answered with `Watching`."""


class Unwatch(Said, frozen=True):
    """Stop sending the session's events to this front door."""


class Close(Said, frozen=True):
    """Cancel what runs and let the session go, for it is being deleted: repeated, it means what runs by then too."""


_READING: Final = (Watch, Unwatch)

Ask = Send | Cancel | Submit | Decide | Rename | Watch | Unwatch | Close


class Unknown(Wire, frozen=True):
    """What was asked by newer code and means nothing here; `reason` says why."""

    reason: str


def repeated(ask: Ask) -> Ask:
    """Return what to ask when an owner that did not answer may have done it."""
    return msgspec.structs.replace(ask, is_repeated=True) if isinstance(ask, Cancel | Submit) else ask


def needed(ask: Ask) -> Scope:
    """Return what whoever asks this must be allowed."""
    return Scope.SESSIONS_READ if isinstance(ask, _READING) else Scope.SESSIONS_WRITE


class Command(Wire, frozen=True):
    """One thing that somebody asks of a session that was placed here under `epoch`; `number` finds its answer."""

    number: int
    session_id: str
    epoch: int
    ask: Ask | Unknown
    by: Principal


class Watching(Said, frozen=True):
    """From here on events come: all that follow `sequence`, the last one committed before.

    `partial` is a delta with all of the message that is being streamed.
    """

    sequence: int
    partial: Frame | None


Value = Message | Watching | bool | str | None  # what the commands above are answered with


class Answer(Wire, frozen=True):
    """What came of a command."""

    number: int
    value: Value
    error: PerdureError | None = None


class Delivery(Said, frozen=True):
    """Events of one session, in order, from its owner of that epoch."""

    session_id: str
    epoch: int
    frames: Sequence[Frame]


class Want(Wire, frozen=True, gc=False):
    """Why a session is asked for: its owner under `void_epoch` does not hold it, and a new message may release it."""

    void_epoch: int = 0
    may_release: bool = False

    def also(self, other: "Want") -> "Want":
        """Return what two want of one session."""
        return Want(max(self.void_epoch, other.void_epoch), self.may_release or other.may_release)


class Beliefs(Wire, frozen=True):
    """Where sessions live as a front door believes: under which epoch, 0 for nowhere. What is not so it wants to hear.

    From now on it is told of every session to which somebody listens there (`watched`), and, as long as they live
    somewhere, of those of which it only knows where (`held`). Nobody listens any more to those that are `left`.
    `number` grows from one to the next; what is left by words that were overtaken may be listened to again.
    """

    front_door: str
    number: int
    watched: Mapping[str, int]
    held: Mapping[str, int]
    left: Sequence[str]


class Adoption(Said, frozen=True):
    """A session that must go on without being asked."""

    session_id: str
    epoch: int


class Vitals(Said, frozen=True):
    """What a heartbeat tells. `heard` are sessions that were just handed over, told before they are brought to life.

    `counts` is what was counted since the last one, if anything; `running` how many sessions do something.
    `is_draining`: it is being emptied, or ends; the supervisor that asked for that may be no more.
    """

    rss_bytes: int
    heard: tuple[str, ...] = ()
    counts: Counts | None = None
    running: int = 0
    is_draining: bool = False


class Departure(Wire, frozen=True):
    """A session that its actor let go, for good under this epoch. `has_failed`: not because it rests; it hit a bug.

    `cause` is what is known of that, in words that hold nothing of the session's content.
    """

    session_id: str
    epoch: int
    has_failed: bool
    cause: str = ""
