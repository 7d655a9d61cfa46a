"""The records of one direction of a connection."""

import pytest

from runtime.wire import records
from runtime.wire.records import (
    HEADER_BYTES,
    KEY_BYTES,
    PIECE_BYTES,
    STRANGER_BYTES,
    TAG_BYTES,
    ForgedError,
    Opener,
    Sealer,
)

KEY = bytes(range(KEY_BYTES))
OTHER_KEY = bytes(KEY_BYTES)


def opened(opener: Opener, record: bytes) -> bytes | None:
    header, sealed = record[:HEADER_BYTES], record[HEADER_BYTES:]
    assert opener.length(header) == len(sealed)
    return opener.open(header, sealed)


def header_of(length: int) -> bytes:
    return (length << 1).to_bytes(HEADER_BYTES)


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(KEY)


@pytest.fixture
def opener(sealer: Sealer) -> Opener:
    """Return what opens the records of a sealer, after its first."""
    made = Opener(KEY)
    [hello] = sealer.seal(b"hello")
    assert opened(made, hello) == b"hello"
    return made


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])
def test_a_value_of_any_size_comes_in_pieces_and_as_it_was(sealer: Sealer, opener: Opener, size: int) -> None:
    value = (bytes(range(251)) * (size // 251 + 1))[:size]
    came = [opened(opener, record) for record in sealer.seal(value)]
    assert came == [None] * (max(1, -(-size // PIECE_BYTES)) - 1) + [value]


def test_a_record_shows_nothing_of_what_is_in_it(sealer: Sealer) -> None:
    [first], [again] = sealer.seal(b"the same words"), sealer.seal(b"the same words")
    assert b"words" not in first
    assert first[HEADER_BYTES:] != again[HEADER_BYTES:]


def test_a_record_opens_with_its_own_key_only(sealer: Sealer) -> None:
    [record] = sealer.seal(b"hello")
    with pytest.raises(ForgedError):
        opened(Opener(OTHER_KEY), record)


def test_nobody_changes_where_a_value_ends(sealer: Sealer, opener: Opener) -> None:
    [record] = sealer.seal(b"all of it")
    header = bytes([*record[: HEADER_BYTES - 1], record[HEADER_BYTES - 1] ^ 1])
    with pytest.raises(ForgedError):
        opened(opener, header + record[HEADER_BYTES:])


def test_a_first_record_is_short() -> None:
    """Promised: of a stranger no more is read than that."""
    assert Opener(KEY).length(header_of(STRANGER_BYTES)) == STRANGER_BYTES
    with pytest.raises(ForgedError, match="longer"):
        Opener(KEY).length(header_of(STRANGER_BYTES + 1))


def test_no_record_is_longer_than_a_piece(opener: Opener) -> None:
    longest = PIECE_BYTES + TAG_BYTES
    assert opener.length(header_of(longest)) == longest
    with pytest.raises(ForgedError, match="longer"):
        opener.length(header_of(longest + 1))


def test_no_value_goes_on_for_ever(sealer: Sealer, opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "VALUE_BYTES", 2 * PIECE_BYTES)
    first, second, _ = sealer.seal(bytes(3 * PIECE_BYTES))
    assert opened(opener, first) is None
    with pytest.raises(ForgedError, match="longer"):
        opened(opener, second)
