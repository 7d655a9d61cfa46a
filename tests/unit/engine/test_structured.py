"""An answer that was asked for as JSON is JSON, or it is asked for again."""

from collections.abc import AsyncGenerator

from runtime.core.message import Controls, ResponseFormat, Usage
from runtime.ports.model import ModelReply, ModelRequest, StreamItem
from tests.scene import scene
from tests.stage import FAST, ScriptedModel, call, say


class Mending:
    """Answers an attempt with the reply of that number."""

    def __init__(self, *replies: ModelReply) -> None:
        self.replies = replies

    async def stream(self, request: ModelRequest) -> AsyncGenerator[StreamItem, None]:
        yield self.replies[request.attempt]


WANTED = ResponseFormat("json_schema", "point", {"type": "object", "properties": {"x": {"type": "integer"}}})


async def test_the_model_is_told_what_its_answer_is_to_be_the_messages_wish_before_the_agents() -> None:
    model = ScriptedModel(say('{"x": 1}'))
    async with scene(model=model, agent={"response_format": WANTED}) as played:
        await played.turn()
        assert played.of("output.message.completed")[0].message.text == '{"x": 1}'
        await played.turn(Controls(response_format=ResponseFormat("text")), turns=2)
    assert [request.response_format for request in model.requests] == [WANTED, None]


async def test_an_answer_that_is_no_json_is_asked_for_again_and_then_fails() -> None:
    model = ScriptedModel((ModelReply(text="It is 1.", usage=Usage(3, 2)),))
    async with scene(model=model) as played:
        await played.turn(Controls(response_format=WANTED))
        assert len(model.requests) == FAST.model_attempts
        [failed] = played.of("turn.failed")
        assert failed.error_code == "answer_unusable"
        assert "response_format" in failed.error
        assert played.of("llm.generation")[0].metadata.usage == played.of("session.idled")[0].usage == Usage(9, 6)


async def test_what_an_answer_took_that_is_no_json_is_counted_with_the_next_one() -> None:
    model = Mending(ModelReply(text="It is 1.", usage=Usage(3, 2)), ModelReply(text="1", usage=Usage(5, 1)))
    async with scene(model=model) as played:
        await played.turn(Controls(response_format=WANTED))
        assert played.of("output.message.completed")[0].message.text == "1"
        assert played.of("llm.generation")[0].metadata.usage == played.of("turn.completed")[0].usage == Usage(8, 3)


async def test_an_answer_that_calls_tools_first_need_not_be_json() -> None:
    async def look(_context: object) -> str:
        return "seen"

    model = ScriptedModel(say("A moment.", call("c1", "look")), say('{"x": 1}'))
    async with scene(model=model, look=look) as played:
        await played.turn(Controls(response_format=WANTED))
        assert played.of("turn.completed")
