"""Amazon's event streams: cut anywhere they say the same, and what was changed on the way is no answer."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runtime.models.dialects.converse.frames import Frames
from runtime.models.dialects.dialect import CutOffError, RefusedError
from tests.model_servers.clouds import frame, sealed

EVENTS = st.lists(st.tuples(st.sampled_from(["messageStart", "contentBlockDelta"]), st.text(max_size=40)), max_size=5)


def told(*pieces: bytes) -> list[object]:
    frames = Frames()
    return [msgspec.json.decode(data) for piece in pieces for data in frames.feed(piece)]


@given(events=EVENTS, cuts=st.lists(st.integers(0, 400), max_size=6))
def test_a_stream_says_the_same_wherever_it_is_cut(events: list[tuple[str, str]], cuts: list[int]) -> None:
    stream = b"".join(frame(kind, {"text": text}) for kind, text in events)
    at = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(at)]
    assert told(*pieces) == [{kind: {"text": text}} for kind, text in events]


@given(text=st.text(max_size=40), at=st.integers(0, 400), by=st.integers(1, 255))
def test_a_byte_that_was_changed_is_seen(text: str, at: int, by: int) -> None:
    whole = bytearray(frame("contentBlockDelta", {"text": text}))
    whole[at % len(whole)] ^= by
    try:
        said = told(bytes(whole), frame("messageStop", {}))
    except (CutOffError, RefusedError):
        return
    assert said == []  # the frame says that it is longer than it is, and is waited for


@given(headers=st.binary(max_size=24))
@example(b"\x01a\x63")  # of a type that there is not
@example(b"\x01a\x04\x00")  # a number that is cut short
def test_headers_that_are_none_break_the_answer_off_and_nothing_else(headers: bytes) -> None:
    with pytest.raises((CutOffError, RefusedError, ValueError)):
        told(sealed(headers, b"{}"))


def test_what_is_no_event_stream_is_none() -> None:
    with pytest.raises(CutOffError):
        told(b"<html>It works!</html>" * 4)
