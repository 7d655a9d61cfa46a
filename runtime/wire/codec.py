"""How what crosses a connection is written: batches of msgpack, of a closed set of kinds.

A value is an array: its kind, then its fields by position. Nothing that comes names code to run, and what is not of a
kind that may come from there is refused. What clients said stands in it as JSON, which has numbers of any size; and as
what a command asks is read apart from the command, one that only newer code knows can be answered. Of an error the
names of its class and of those above it are sent: older code knows at least one.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec

from runtime.core.access.principal import Principal
from runtime.core.access.roles import MemberRole, Scope
from runtime.core.errors import KINDS, PerdureError
from runtime.core.message import Message
from runtime.wire.protocol import Adoption, Answer, Ask, Command, Delivery, Hello, Said, Unknown, Vitals, Watching

BATCH_BYTES: Final = 1 << 20  # at which a batch ends; what is larger is one of its own

_ARRAY: Final = b"\xdd"  # msgpack's array 32: the number of its items follows, in four bytes
_HEAD: Final = _ARRAY + bytes(4)

Item: TypeAlias = Hello | Command | Answer | Delivery | Adoption | Vitals
T = TypeVar("T")


class UnreadableError(ConnectionError):
    """What came holds something that may not be said here."""


class _Principal(Said, frozen=True, tag="Principal"):
    org_id: str
    user_id: str
    role: str
    scopes: tuple[str, ...]
    credential_id: str | None


class _Command(Said, frozen=True, tag="Command"):
    number: int
    session_id: str
    epoch: int
    ask: bytes
    by: _Principal


class _Accepted(Said, frozen=True, tag="Message"):
    message: bytes


class _Refusal(Said, frozen=True, tag="Error"):
    kinds: tuple[str, ...]
    detail: dict[str, Any]


class _Answer(Said, frozen=True, tag="Answer"):
    number: int
    value: _Accepted | _Refusal | Watching | bool | str | None


_ROLES: Final = {role.value: role for role in MemberRole}
_SCOPES: Final = {scope.value: scope for scope in Scope}
_encoder: Final = msgspec.msgpack.Encoder()
_json: Final = msgspec.json.Encoder()
_asks: Final = msgspec.json.Decoder(Ask)
_messages: Final = msgspec.json.Decoder(Message)


def encode(items: Iterable[Item]) -> Iterator[bytearray]:
    """Yield batches of items, as they are sent; more than one if there is much."""
    batch, count = bytearray(_HEAD), 0
    for item in items:
        _encoder.encode_into(_written(item), batch, -1)
        count += 1
        if len(batch) >= BATCH_BYTES:
            yield _counted(batch, count)
            batch, count = bytearray(_HEAD), 0
    if count:
        yield _counted(batch, count)


class Decoder(Generic[T]):
    """Reads batches of the kinds that may come from one side."""

    def __init__(self, batch: type[list[Any]], read: Callable[[Any], T]) -> None:
        self._decoder = msgspec.msgpack.Decoder(batch)
        self._read = read

    def decode(self, batch: bytes) -> list[T]:
        """Return the items of a batch, of which there is at least one.

        Raises:
            UnreadableError: it is none, or something else is in it.
        """
        try:
            items = [self._read(item) for item in self._decoder.decode(batch)]
        except (ValueError, RecursionError) as err:  # of msgspec: also of UTF-8 that is none
            message = f"a batch cannot be read: {err}"
            raise UnreadableError(message) from err
        if not items:
            message = "a batch is empty"
            raise UnreadableError(message)
        return items


def _counted(batch: bytearray, count: int) -> bytearray:
    batch[len(_ARRAY) : len(_HEAD)] = count.to_bytes(len(_HEAD) - len(_ARRAY))
    return batch


def _written(item: Item) -> Said:
    match item:
        case Command():
            return _Command(item.number, item.session_id, item.epoch, _json.encode(item.ask), _principal(item.by))
        case Answer():
            return _Answer(item.number, _refusal(item.error) if item.error is not None else _value(item.value))
        case _:
            return item


def _principal(by: Principal) -> _Principal:
    return _Principal(by.org_id, by.user_id, by.role, tuple(by.scopes), by.credential_id)


def _known_of(sent: _Principal) -> Principal:
    """Return a principal with what this code knows of its role and scopes: what is new gives nothing here."""
    return Principal(
        org_id=sent.org_id,
        user_id=sent.user_id,
        role=_ROLES.get(sent.role, MemberRole.VIEWER),
        scopes=frozenset(_SCOPES[name] for name in sent.scopes if name in _SCOPES),
        credential_id=sent.credential_id,
    )


def _value(value: Any) -> Any:
    return _Accepted(_json.encode(value)) if isinstance(value, Message) else value


def _refusal(error: PerdureError) -> _Refusal:
    kinds = (kind for kind in type(error).__mro__ if issubclass(kind, PerdureError))
    return _Refusal(tuple(kind.__name__ for kind in kinds), error.detail())


def _as_it_is(item: T) -> T:
    return item


def _command(sent: _Command) -> Command:
    ask: Ask | Unknown
    try:
        ask = _asks.decode(sent.ask)
    except (ValueError, RecursionError) as err:
        ask = Unknown(str(err))
    return Command(sent.number, sent.session_id, sent.epoch, ask, _known_of(sent.by))


def _answer_or_delivery(sent: _Answer | Delivery) -> Answer | Delivery:
    if isinstance(sent, Delivery):
        return sent
    match sent.value:
        case _Refusal():
            return Answer(sent.number, None, _error(sent.value))
        case _Accepted():
            return Answer(sent.number, _messages.decode(sent.value.message))
        case value:
            return Answer(sent.number, value)


def _error(sent: _Refusal) -> PerdureError:
    kind = next((KINDS[name] for name in sent.kinds if name in KINDS), PerdureError)
    return kind(**msgspec.convert(sent.detail, kind).detail())


HELLOS: Final[Decoder[Hello]] = Decoder(list[Hello], _as_it_is)
COMMANDS: Final[Decoder[Command]] = Decoder(list[_Command], _command)
ANSWERS: Final[Decoder[Answer | Delivery]] = Decoder(list[_Answer | Delivery], _answer_or_delivery)
ADOPTIONS: Final[Decoder[Adoption]] = Decoder(list[Adoption], _as_it_is)
VITALS: Final[Decoder[Vitals]] = Decoder(list[Vitals], _as_it_is)
