"""Tools made of functions and methods: schema, binding, checking of arguments."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from runtime.agents.tool import OnInterrupt, Tool, ToolContext, tool
from runtime.core.errors import ToolError
from tests.tool_contexts import ToolBench


@pytest.fixture
def context() -> ToolContext:
    return ToolBench().context


class Point(BaseModel):
    x: int
    y: int = 0


@tool(on_interrupt=OnInterrupt.RETRY, display_name="Draw", hints={"readonly": True})
async def draw(
    context: ToolContext,
    points: list[Point],
    colour: Literal["red", "blue"] = "red",
    width: Annotated[int, Field(ge=1, description="In pixels.")] = 1,
) -> str:
    """Draw a line.

    Through all points.
    """
    return f"{len(points)} {colour} {width}"


class Counter:
    def __init__(self, start: int) -> None:
        self.start = start

    @tool()
    async def count(self, context: ToolContext, by: int = 1) -> int:
        """Count on."""
        return self.start + by


def test_the_docstring_describes_and_the_signature_is_the_schema() -> None:
    assert (draw.name, draw.display_name, draw.on_interrupt) == ("draw", "Draw", OnInterrupt.RETRY)
    assert draw.description == "Draw a line.\n\nThrough all points."
    assert draw.parameters == {
        "type": "object",
        "additionalProperties": False,
        "required": ["points"],
        "properties": {
            "points": {"type": "array", "items": {"$ref": "#/$defs/Point"}},
            "colour": {"type": "string", "enum": ["red", "blue"], "default": "red"},
            "width": {"type": "integer", "minimum": 1, "description": "In pixels.", "default": 1},
        },
        "$defs": {
            "Point": {
                "type": "object",
                "required": ["x"],
                "properties": {"x": {"type": "integer"}, "y": {"type": "integer", "default": 0}},
            }
        },
    }


def test_a_tool_is_not_safe_to_repeat_unless_it_says_so() -> None:
    assert Counter.count.on_interrupt is OnInterrupt.ONCE


def test_arguments_are_coerced_and_what_was_left_out_stays_out() -> None:
    checked = draw.check({"points": [{"x": "1"}], "width": "3"})
    assert checked == {"points": [Point(x=1)], "width": 3}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "points: Field required"),
        ({"points": [{"x": "one"}]}, "points.0.x: "),
        ({"points": [], "width": 0}, "width: "),
        ({"points": [], "colour": "green"}, "colour: "),
        ({"points": [], "colour_": "red"}, "colour_: "),
    ],
)
def test_wrong_arguments_are_explained_to_the_model(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ToolError, match=words):
        draw.check(arguments)


async def test_a_method_is_bound_to_its_instance(context: ToolContext) -> None:
    counter = Counter(40)
    assert await counter.count.run(context, by=2) == 42
    assert await Counter(1).count.run(context) == 2
    assert counter.count.parameters["properties"] == {"by": {"type": "integer", "default": 1}}


async def test_a_function_is_its_own_tool_wherever_it_is_kept(context: ToolContext) -> None:
    class Holder:
        kept = draw

    assert Holder().kept is draw
    assert await Holder().kept.run(context, points=[]) == "0 red 1"


async def test_an_argument_may_have_any_name(context: ToolContext) -> None:
    @tool()
    async def fetch(context: ToolContext, json: int, copy: str, model_config: str = "", schema: str = "") -> str:
        return f"{json}{copy}"

    assert set(fetch.parameters["properties"]) == {"json", "copy", "model_config", "schema"}
    assert await fetch.run(context, **fetch.check({"json": 1, "copy": "2"})) == "12"


def test_a_tool_without_a_schema_of_pydantic_takes_what_comes() -> None:
    async def anything(context: ToolContext, **arguments: object) -> object:
        return arguments

    remote = Tool("remote", "Somewhere else.", {"type": "object"}, anything)
    assert remote.check({"a": 1}) == {"a": 1}
    assert remote.spec.name == "remote"


async def no_context(sides: int) -> int:
    return sides


async def untyped(context: ToolContext, sides) -> int:  # type: ignore[no-untyped-def]  # the mistake under test
    return int(sides)


async def open_ended(context: ToolContext, *sides: int) -> int:
    return len(sides)


def not_async(context: ToolContext) -> int:
    return 1


@pytest.mark.parametrize("function", [no_context, untyped, open_ended, not_async])
def test_a_function_that_cannot_be_a_tool_is_refused_at_once(function: Any) -> None:
    with pytest.raises(TypeError, match=function.__name__):
        tool()(function)
