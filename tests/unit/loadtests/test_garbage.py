"""What the chaos harness has models and tools say is garbage to the server, and well formed on its way there."""

import json

import pytest

from loadtests.chaos import vendor
from loadtests.chaos.garbage import TEXTS, Garbage
from loadtests.chaos.workload import from_model, from_tools


@pytest.mark.parametrize("kind", Garbage)
@pytest.mark.parametrize("tool", ["write_once", None])
def test_model_endpoint_sends_garbage_in_frames_that_can_be_read(kind: Garbage, tool: str | None) -> None:
    wanted = {"nonce": "n1", "words": "2", "tool": tool}
    *chunks, end = vendor._chunks(wanted, 0, 1, kind)
    assert end == "[DONE]"
    deltas = [choice["delta"] for chunk in chunks for choice in json.loads(chunk)["choices"]]
    said = "".join(delta.get("content") or "" for delta in deltas)
    arguments = "".join(call["function"]["arguments"] for d in deltas for call in d.get("tool_calls", ()))
    assert said == ("" if tool else TEXTS[kind])
    assert arguments != '{"ms": 300}' if tool else not arguments


@pytest.mark.parametrize("kind", Garbage)
def test_script_with_garbage_can_be_sent(kind: Garbage) -> None:
    errand = from_model("n1", kind)
    errand.text.encode()
    assert errand.is_mad


def test_garbage_of_tools_is_no_reason_for_their_turn_to_go_otherwise() -> None:
    errand = from_tools("n1", tuple(Garbage))
    assert errand.replies == ("n1", "n1 done")
    assert not errand.is_mad
