"""What crosses connections, as bytes: all that may be said comes as it was, and nothing else comes at all."""

import pickle
from dataclasses import fields
from typing import Any, Final, get_type_hints

import msgspec
import pytest

from runtime.core.access.principal import ANONYMOUS, Principal
from runtime.core.access.roles import MemberRole, Scope
from runtime.core.errors import KINDS, CallerError, ConflictError, PerdureError
from runtime.core.message import Message, Role, TextPart, ToolCallPart
from runtime.core.metrics.counts import Counts
from runtime.core.session.decision import Decision
from runtime.ports.gateway import ClientResult, Frame, Input
from runtime.wire import codec, protocol
from runtime.wire.codec import ADOPTIONS, ANSWERS, BATCH_BYTES, COMMANDS, HELLOS, VITALS, Decoder, Item, UnreadableError
from runtime.wire.protocol import (
    Adoption,
    Answer,
    Ask,
    Command,
    Delivery,
    Hello,
    Said,
    Unknown,
    Value,
    Vitals,
    Watching,
)

BEYOND_MSGPACK: Final = 10**30
MESSAGE: Final = Message(
    id="message_1",
    role=Role.USER,
    content=(TextPart("hello"), ToolCallPart("call_1", "add", {"a": BEYOND_MSGPACK, "b": 1.0})),
    created_at="2026-01-01T00:00:00.000Z",
    metadata={"a": [None, True, "\U0001f600"]},
)
FRAMES: Final = [Frame(1, "turn.started", "event_1", b"{}"), Frame(0, "output.message.delta", "event_2", b"\xff")]
ASKS: Final[tuple[Ask, ...]] = (
    protocol.Send(Input(message=MESSAGE, tags=("a",), idempotency_key="k")),
    protocol.Cancel("message_2", is_repeated=True),
    protocol.Submit((ClientResult("call_1", {"a": [BEYOND_MSGPACK]}), ClientResult("call_2", error="no"))),
    protocol.Decide(Decision(tool_call_id="call_1", attempt=2, choice="happened", result=1, note="seen")),
    protocol.Rename("title"),
    protocol.Watch(),
    protocol.Unwatch(),
    protocol.Close(),
)
VALUES: Final[tuple[Value, ...]] = (MESSAGE, Watching(4, None), Watching(4, FRAMES[1]), True, "idle", None)
SAID: Final[tuple[tuple[Decoder[Any], Item], ...]] = (
    (HELLOS, Hello("front-door-1")),
    *((COMMANDS, Command(7, "session_1", 3, ask, ANONYMOUS)) for ask in ASKS),
    *((ANSWERS, Answer(7, value)) for value in VALUES),
    (ANSWERS, Delivery("session_1", 3, FRAMES)),
    (ADOPTIONS, Adoption("session_1", 3)),
    (
        VITALS,
        Vitals(
            1 << 40, ("session_1",), Counts(turns_completed=3, failures={"model_unavailable": 1}), 2, is_draining=True
        ),
    ),
)
TYPICAL: Final[dict[Any, Any]] = {str: "a", int: 3, float: 1.5, int | None: None, bool: True}


def encoded(*items: Item) -> bytes:
    [batch] = codec.encode(items)
    return bytes(batch)


def batch(*items: Any) -> bytes:
    """Return what code of another version, or of somebody else, may have sent."""
    return msgspec.msgpack.encode(items)


def made(kind: type[PerdureError]) -> PerdureError:
    hints = get_type_hints(kind)
    return kind(**{field.name: TYPICAL[hints[field.name]] for field in fields(kind)})


@pytest.mark.parametrize(("decoder", "item"), SAID)
def test_what_is_said_comes_as_it_was(decoder: Decoder[Any], item: Item) -> None:
    assert decoder.decode(encoded(item, item)) == [item, item]


def test_everything_that_is_said_is_tried_here() -> None:
    said = {kind for kind in vars(protocol).values() if isinstance(kind, type) and issubclass(kind, Said)}
    tried = {type(item) for _, item in SAID} | {type(ask) for ask in ASKS} | {Watching}
    assert said - {Said} == {kind for kind in tried if issubclass(kind, Said)}
    assert tried > {Command, Answer}


def test_a_command_is_sent_with_all_its_fields() -> None:
    """What it asks is written apart, so it has two forms."""
    assert codec._Command.__struct_fields__ == Command.__struct_fields__
    assert Answer.__struct_fields__ == (*codec._Answer.__struct_fields__, "error")


@pytest.mark.parametrize("kind", KINDS.values())
def test_every_error_comes_as_it_was(kind: type[PerdureError]) -> None:
    error = made(kind)
    [answer] = ANSWERS.decode(encoded(Answer(7, None, error)))
    assert isinstance(answer, Answer)
    assert type(answer.error) is kind
    assert (answer.error.detail(), str(answer.error)) == (error.detail(), str(error))


# ---------------------------------------------------------------- other versions

BY: Final = ["Principal", "org_1", "user_1", "of tomorrow", ["sessions:write", "dreams:read"], None, 1]
SEEN: Final = Principal(
    org_id="org_1",
    user_id="user_1",
    role=MemberRole.VIEWER,
    scopes=frozenset({Scope.SESSIONS_WRITE}),
    credential_id=None,
)


def test_an_error_of_newer_code_is_read_as_its_nearest_kin() -> None:
    class TakenTomorrowError(ConflictError):
        pass

    [answer] = ANSWERS.decode(encoded(Answer(7, None, TakenTomorrowError("Taken.", "taken"))))
    assert isinstance(answer, Answer)
    assert type(answer.error) is ConflictError
    assert answer.error.stable_code == "taken"


def test_of_an_error_the_fields_that_are_known_are_read() -> None:
    sent = batch(["Answer", 7, ["Error", ["OfTomorrowError", "CallerError", "PerdureError"], {"mood": "calm"}]])
    [answer] = ANSWERS.decode(sent)
    assert isinstance(answer, Answer)
    assert type(answer.error) is CallerError


@pytest.mark.parametrize(
    ("decoder", "sent", "read"),
    [
        (HELLOS, ["Hello", "a", "of tomorrow"], Hello("a")),
        (VITALS, ["Vitals", 5], Vitals(5)),
        (VITALS, ["Vitals", 5, ["s"], None, 3], Vitals(5, ("s",), None, 3, is_draining=False)),
        (VITALS, ["Vitals", 5, ["s"], None, 3, True, {"of": "tomorrow"}], Vitals(5, ("s",), None, 3, is_draining=True)),
        (ADOPTIONS, ["Adoption", "s", 3, None], Adoption("s", 3)),
        (ANSWERS, ["Answer", 7, ["Watching", 4, None, "calm"], "calm"], Answer(7, Watching(4, None))),
        (ANSWERS, ["Delivery", "s", 3, [[0, "t", "e", b"{}", 1]], 1], Delivery("s", 3, [Frame(0, "t", "e", b"{}")])),
        (COMMANDS, ["Command", 7, "s", 3, b'["Cancel"]', BY, 1], Command(7, "s", 3, protocol.Cancel(), SEEN)),
        (COMMANDS, ["Command", 7, "s", 3, b'["Rename","a",1]', BY], Command(7, "s", 3, protocol.Rename("a"), SEEN)),
    ],
)
def test_a_reader_does_without_the_fields_that_one_version_lacks(decoder: Decoder[Any], sent: Any, read: Item) -> None:
    assert decoder.decode(batch(sent)) == [read]


@pytest.mark.parametrize(
    "ask",
    [b'["Fork","session_2"]', b'["Rename",1]', b'["Rename"]', b"{}", b"", b"[" * 100_000],
    ids=["of tomorrow", "a wrong type", "a field too few", "an object", "nothing", "too deep"],
)
def test_a_command_that_cannot_be_understood_can_still_be_answered(ask: bytes) -> None:
    [command] = COMMANDS.decode(batch(["Command", 7, "session_1", 3, ask, BY]))
    assert (command.number, command.session_id, command.epoch) == (7, "session_1", 3)
    assert isinstance(command.ask, Unknown)


# ---------------------------------------------------------------- what may not be said


DEMAND: Final = Command(7, "session_1", 3, protocol.Watch(), ANONYMOUS)
REFUSED: Final[dict[str, tuple[Decoder[Any], bytes]]] = {
    "a pickle": (COMMANDS, pickle.dumps([DEMAND])),
    "an empty batch": (COMMANDS, batch()),
    "nothing": (COMMANDS, b""),
    "too few fields": (COMMANDS, batch(["Command", 7, "session_1"])),
    "an unknown kind": (COMMANDS, batch(["Demand", 7, "session_1", 3, b'["Watch"]', BY])),
    "a field of a wrong type": (COMMANDS, batch(["Command", "7", "session_1", 3, b'["Watch"]', BY])),
    "a kind that is no name": (COMMANDS, batch([["Command"], 7, "session_1", 3, b'["Watch"]', BY])),
    "a map": (COMMANDS, batch({"type": "Command", "number": 7, "session_id": "session_1", "epoch": 3, "ask": b""})),
    "a part of a batch": (COMMANDS, encoded(DEMAND)[:-1]),
    "more than a batch": (COMMANDS, encoded(DEMAND) + b"\0"),
    "four billion items": (COMMANDS, b"\xdd\xff\xff\xff\xff"),
    "nested too deep": (COMMANDS, b"\x91" * 100_000),
    "an answer to an actor": (COMMANDS, encoded(Answer(7, None))),
    "an adoption by a front door": (COMMANDS, encoded(Adoption("session_1", 3))),
    "a command of the supervisor": (ADOPTIONS, encoded(DEMAND)),
    "events to the supervisor": (VITALS, encoded(Delivery("session_1", 3, FRAMES))),
    "a heartbeat to a front door": (ANSWERS, encoded(Vitals(1))),
    "an unknown answer": (ANSWERS, batch(["Answer", 7, ["Fork", 1]])),
    "a message without fields": (ANSWERS, batch(["Answer", 7, ["Message", b"{}"]])),
    "a message that is no JSON": (ANSWERS, batch(["Answer", 7, ["Message", b"no JSON"]])),
    "an error without a field": (ANSWERS, batch(["Answer", 7, ["Error", ["StaleEpochError"], {"session_id": "s"}]])),
    "an error of wrong types": (
        ANSWERS,
        batch(["Answer", 7, ["Error", ["StaleEpochError"], {"session_id": "s", "epoch": "3"}]]),
    ),
    "a body that is text": (ANSWERS, batch(["Delivery", "s", 3, [[0, "t", "e", "no bytes"]]])),
    "a text that is not UTF-8": (HELLOS, b"\x91\x92\xa5Hello\xa1\xff"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_may_not_be_said_is_refused(what: str) -> None:
    decoder, sent = REFUSED[what]
    with pytest.raises(UnreadableError):
        decoder.decode(sent)


def test_no_name_that_comes_stands_for_anything_but_an_error_of_ours() -> None:
    for name in ("Exception", "SystemExit", "object", "os.system", "KINDS"):
        [answer] = ANSWERS.decode(batch(["Answer", 7, ["Error", [name], {}]]))
        assert isinstance(answer, Answer)
        assert type(answer.error) is PerdureError


# ---------------------------------------------------------------- batches


def test_much_goes_in_batches_and_what_is_large_in_one_of_its_own() -> None:
    small = Delivery("session_1", 3, [Frame(0, "t", "e", bytes(BATCH_BYTES // 10))])
    large = Delivery("session_1", 3, [Frame(0, "t", "e", bytes(3 * BATCH_BYTES))])
    items = [small] * 15 + [large] + [small]
    batches = [ANSWERS.decode(bytes(batch)) for batch in codec.encode(items)]
    assert [item for batch in batches for item in batch] == items
    assert [len(batch) for batch in batches] == [10, 6, 1]


def test_nothing_is_no_batch() -> None:
    assert list(codec.encode([])) == []
