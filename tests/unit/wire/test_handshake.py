"""How two sides of a connection agree on its keys."""

import pytest

from runtime.wire.handshake import GREETING_BYTES, Handshake
from runtime.wire.records import HEADER_BYTES, KEY_BYTES, ForgedError, Opener, Sealer

KEY = bytes(range(KEY_BYTES))
Side = tuple[Sealer, Opener]


def agreed(callers_key: bytes = KEY, takers_key: bytes = KEY) -> tuple[Side, Side]:
    caller, taker = Handshake(callers_key, is_caller=True), Handshake(takers_key, is_caller=False)
    return caller.agree(taker.greeting), taker.agree(caller.greeting)


def passes(sealer: Sealer, opener: Opener) -> bool:
    [record] = sealer.seal(b"hello")
    try:
        return opener.open(record[:HEADER_BYTES], record[HEADER_BYTES:]) == b"hello"
    except ForgedError:
        return False


def test_who_know_the_key_understand_each_other_both_ways() -> None:
    (callers_sealer, callers_opener), (takers_sealer, takers_opener) = agreed()
    assert passes(callers_sealer, takers_opener)
    assert passes(takers_sealer, callers_opener)


def test_who_does_not_know_the_key_is_understood_by_nobody_and_understands_nobody() -> None:
    (callers_sealer, callers_opener), (takers_sealer, takers_opener) = agreed(takers_key=bytes(KEY_BYTES))
    assert not passes(callers_sealer, takers_opener)
    assert not passes(takers_sealer, callers_opener)


def test_nobody_takes_what_it_has_said_itself() -> None:
    taker = Handshake(KEY, is_caller=False)
    assert not passes(*taker.agree(taker.greeting))
    (sealer, opener), _ = agreed()
    assert not passes(sealer, opener)


def test_what_was_said_on_one_connection_means_nothing_on_another() -> None:
    (sealer, _), _ = agreed()
    _, (_, opener) = agreed()
    assert not passes(sealer, opener)


def test_a_greeting_that_was_heard_before_does_not_help() -> None:
    """The other side's greeting is new each time, and both are in the keys."""
    caller = Handshake(KEY, is_caller=True)
    old, new = (Handshake(KEY, is_caller=False) for _ in range(2))
    sealer, _ = caller.agree(old.greeting)
    _, opener = new.agree(caller.greeting)
    assert not passes(sealer, opener)


def test_a_greeting_without_a_key_is_refused() -> None:
    with pytest.raises(ForgedError):
        Handshake(KEY, is_caller=True).agree(bytes(GREETING_BYTES))
