"""Whatever happens to a connection's bytes on their way, what is read of them is the beginning of what was said."""

import contextlib
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runtime.wire.codec import ADOPTIONS, ANSWERS, COMMANDS, HELLOS, VITALS, Decoder, UnreadableError
from runtime.wire.records import HEADER_BYTES, KEY_BYTES, ForgedError, Opener, Sealer

KEY = bytes(range(KEY_BYTES))
VALUES = st.lists(st.binary(max_size=100), min_size=1, max_size=6)


def sealed(values: Sequence[bytes]) -> list[bytes]:
    sealer = Sealer(KEY)
    return [record for value in values for record in sealer.seal(value)]


def read(stream: bytes) -> tuple[list[bytes], bool]:
    """Return the values that come of a stream of bytes, and whether all of it was used without complaint."""
    opener, values = Opener(KEY), list[bytes]()
    try:
        while len(stream) >= HEADER_BYTES:
            header, rest = stream[:HEADER_BYTES], stream[HEADER_BYTES:]
            length = opener.length(header)
            if len(rest) < length:
                break
            value = opener.open(header, rest[:length])
            values += [] if value is None else [value]
            stream = rest[length:]
    except ForgedError:
        return values, False
    return values, not stream


@given(VALUES)
def test_what_was_said_is_read(values: list[bytes]) -> None:
    assert read(b"".join(sealed(values))) == (values, True)


@given(VALUES, st.data())
def test_whoever_changes_bytes_is_not_listened_to_from_there_on(values: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(sealed(values))
    at = data.draw(st.integers(0, len(stream) - 1))
    flip = data.draw(st.integers(1, 255))
    changed = stream[:at] + bytes([stream[at] ^ flip]) + stream[at + 1 :]
    came, is_whole = read(changed)
    assert came == values[: len(came)]
    assert len(came) < len(values)
    assert not is_whole


@given(VALUES, st.data())
def test_whoever_moves_repeats_or_drops_records_is_not_listened_to_from_there_on(
    values: list[bytes], data: st.DataObject
) -> None:
    records = sealed(values)
    order = data.draw(st.lists(st.sampled_from(range(len(records))), max_size=2 * len(records)))
    came, is_whole = read(b"".join(records[number] for number in order))
    begun = next((i for i, number in enumerate(order) if number != i), len(order))
    assert came == values[:begun]
    assert is_whole == (begun == len(order))


@given(VALUES, st.data())
def test_of_a_stream_that_breaks_off_the_whole_values_are_read(values: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(sealed(values))
    came, _ = read(stream[: data.draw(st.integers(0, len(stream) - 1))])
    assert came == values[: len(came)]
    assert len(came) < len(values)


@given(st.sampled_from([HELLOS, COMMANDS, ANSWERS, ADOPTIONS, VITALS]), st.binary(max_size=200))
def test_any_bytes_are_a_batch_or_refused(decoder: Decoder[Any], sent: bytes) -> None:
    """Whatever a peer says: there is no third way out of it, such as an error that nobody expects."""
    with contextlib.suppress(UnreadableError):
        assert decoder.decode(sent)
