"""What the chaos harness has models and tools say is garbage to the server, and well formed on its way there."""

import json

import pytest

from loadtests.chaos import vendor
from loadtests.chaos.garbage import TEXTS, Garbage
from loadtests.chaos.workload import from_model, from_tools
from loadtests.protocols import PATHS, frames


@pytest.mark.parametrize("protocol", PATHS.values())
@pytest.mark.parametrize("kind", Garbage)
@pytest.mark.parametrize("tool", ["write_once", ""])
def test_model_endpoint_sends_garbage_in_frames_that_can_be_read(protocol: str, kind: Garbage, tool: str) -> None:
    wanted = {"nonce": "n1", "words": "2", "tool": tool}
    said, sane = (vendor._said(wanted, 0, each) for each in (kind, None))
    sent = frames(protocol, said, "m", 1)
    assert sent != frames(protocol, sane, "m", 1)
    assert said.text == ("" if tool else TEXTS[kind])
    if not (protocol == "gemini" and tool and kind in (Garbage.BROKEN, Garbage.DEEP)):  # arguments are no text there
        for frame in sent:
            data = frame.partition(b"data: ")[2].strip()
            assert data == b"[DONE]" or json.loads(data)


@pytest.mark.parametrize("kind", Garbage)
def test_script_with_garbage_can_be_sent(kind: Garbage) -> None:
    errand = from_model("n1", kind)
    errand.text.encode()
    assert errand.is_mad


def test_garbage_of_tools_is_no_reason_for_their_turn_to_go_otherwise() -> None:
    errand = from_tools("n1", tuple(Garbage))
    assert errand.replies == ("n1", "n1 done")
    assert not errand.is_mad
