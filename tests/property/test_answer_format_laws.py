"""An answer in JSON is asked for as pydantic-ai asks for it, in every protocol."""

import asyncio
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.core.message import ResponseFormat, TextPart
from runtime.models.vendors import BY_TYPE
from runtime.ports.model import ToolSpec
from tests.conversations import user
from tests.laws import share
from tests.lean import Lean
from tests.model_servers.requests import asked, ref
from tests.truth import Truth

Json = dict[str, Any]
MODELS: Final = {
    **{vendor: BY_TYPE[vendor].default_model for vendor in ("openai", "openai_completions", "anthropic", "gemini")},
    "openrouter": "openai/gpt-5",
}
ADD: Final = ToolSpec("add", "Add.", {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]})

truth, lean = Truth(), Lean()

leaves: st.SearchStrategy[Json] = st.sampled_from(
    [{"type": "string"}, {"type": "integer", "title": "N"}, {"enum": ["up", "down"]}]
)


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Json] = leaves) -> Json:
    """Return the schema of an object, of which nothing may be missing and nothing else be there."""
    properties = draw(st.dictionaries(st.sampled_from("abc"), inner, min_size=1))
    required = sorted(properties)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


formats = st.builds(ResponseFormat, st.just("json_schema"), st.sampled_from(["answer", "point"]), objects(objects()))


@pytest.mark.parametrize("vendor", MODELS)
@given(wanted=formats, tools=st.sampled_from([(), (ADD,)]))
@share(0.4)
def test_json_is_asked_for_as_pydantic_ai_asks_for_it(
    vendor: str, wanted: ResponseFormat, tools: tuple[ToolSpec, ...]
) -> None:
    async def check() -> None:
        request = asked(
            ref(vendor, MODELS[vendor]),
            user(0, TextPart("Where?")),
            tools=tools,
            response_format=wanted,
            verbosity="low",
        )
        assert await lean.body(request) == await truth.body(request)

    asyncio.run(check())
