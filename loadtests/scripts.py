"""What users say: plain words, with a script for the simulated model where that may be used."""

import json
import random
from collections.abc import Sequence
from typing import Any, Final

QUESTIONS: Final = (
    "What is the weather like in Lisbon in May?",
    "Explain how a bicycle stays upright, in two sentences.",
    "Suggest a name for a small boat.",
    "What should I cook with leeks and potatoes?",
)
ERRANDS: Final = "Add two numbers, keep the sum in a file, and look up an order."
CLIENT_TOOL: Final = {
    "type": "client_side",
    "name": "look_up_order",
    "description": "Looks up an order in the shop of the person who asks.",
    "parameters": {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]},
}
TOOL_CAPABILITIES: Final = ("test_math", "session_file_system")
REPLY: Final = (
    "One word after the other comes at a steady pace, until all twenty four of them are said and the reply ends here."
)
TOKENS_PER_SECOND: Final = 40
SLOW_TOKENS_PER_SECOND: Final = 12  # so that there is a middle to be cut off in

Line = dict[str, Any]


def question(*, scripted: bool, slow: bool = False) -> str:
    """Return something to ask. Scripted, the model answers at once, a word at a time."""
    pace = SLOW_TOKENS_PER_SECOND if slow else TOKENS_PER_SECOND
    text = random.choice(QUESTIONS)  # noqa: S311  not a secret
    return _with_script(text, [{"say": REPLY, "tokens_per_second": pace}]) if scripted else text


def errand(*, scripted: bool) -> str:
    """Return something to do with tools: two of the server's at once, one more, then one of the client's."""
    note = {"path": "/workspace/sum.txt", "content": "42"}
    lines: list[Line] = [
        {"call": [_call("add", a=20, b=22), _call("write_file", **note)]},
        {"call": [_call("read_file", path=note["path"])]},
        {"call": [_call("look_up_order", number=7)]},
        {"say": REPLY, "tokens_per_second": TOKENS_PER_SECOND},
    ]
    return _with_script(ERRANDS, lines) if scripted else ERRANDS


def _call(name: str, **arguments: object) -> Line:
    return {"name": name, "arguments": arguments}


def _with_script(text: str, lines: Sequence[Line]) -> str:
    return "\n".join([text, "```sim", *(json.dumps(line) for line in lines), "```"])
