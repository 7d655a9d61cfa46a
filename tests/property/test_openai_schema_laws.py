"""A tool's JSON schema is sent as pydantic-ai would send it, to OpenAI and to those who speak like it."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai.exceptions import UserError
from pydantic_ai.profiles import InlineDefsJsonSchemaTransformer, JsonSchemaTransformer
from pydantic_ai.profiles import openai as theirs
from pydantic_ai.providers import openrouter

from runtime.models.dialects.schemas.inlined import gemini_schema, gpt_oss_schema, inlined_schema
from runtime.models.dialects.schemas.openai import compatible_schema, strict_schema
from tests.laws import share

Schema = dict[str, Any]
Writer = Callable[[Schema], tuple[Schema, bool]]

WRITERS: Final[dict[str, tuple[Writer, type[JsonSchemaTransformer]]]] = {
    "openai": (strict_schema, theirs._OpenAIJsonSchemaTransformer),
    "compatible": (compatible_schema, theirs.OpenAIJsonSchemaTransformer),
    "gpt-oss": (gpt_oss_schema, theirs._GptOssJsonSchemaTransformer),
    "inlined": (inlined_schema, InlineDefsJsonSchemaTransformer),
    "gemini": (gemini_schema, openrouter._OpenRouterGoogleJsonSchemaTransformer),
}

names = st.sampled_from(["a", "b", "title"])
types = st.sampled_from(["string", "integer", "null", ["object", "null"], "boolean"])
refs = st.sampled_from(["#/$defs/a", "#/$defs/b", "#/$defs/missing", "#/properties/a", "#", "#/definitions/a"])
formats = st.sampled_from(["date", "uri", ""])
patterns = st.sampled_from(["^a$", "(?=a)", r"\(?=a", "(?<!b)", "[(?!]"])


def leaves() -> st.SearchStrategy[Any]:
    """Draw schemas without others in them; a few are none, or let everything pass."""
    return st.one_of(
        st.fixed_dictionaries({"type": types}, optional={"title": names, "default": st.none() | names}),
        st.fixed_dictionaries(
            {"type": st.just("string")},
            optional={"format": formats, "pattern": patterns, "minLength": st.integers(0, 3), "description": names},
        ),
        st.fixed_dictionaries({"$ref": refs}, optional={"description": names, "title": names}),
        st.fixed_dictionaries({"enum": st.lists(names | st.integers(), max_size=2)}, optional={"type": types}),
        st.fixed_dictionaries({"const": names | st.integers()}),
        st.fixed_dictionaries({}, optional={"description": names, "$dynamicRef": names, "$schema": names}),
        st.booleans(),
    )


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw schemas with others in them."""
    some = st.lists(inner, max_size=2)
    unions = {"allOf": some, "anyOf": some, "oneOf": some, "description": names, "default": names, "$ref": refs}
    return st.one_of(
        objects(inner),
        st.fixed_dictionaries(
            {"type": st.just("array")},
            optional={
                "items": inner | some,
                "prefixItems": some,
                "maxItems": st.integers(1, 2),
                "uniqueItems": st.booleans(),
                "contains": inner,
            },
        ),
        st.fixed_dictionaries({}, optional=unions),
        st.fixed_dictionaries({"anyOf": st.tuples(inner, st.just({"type": "null"})).map(list)}, optional={"a": names}),
        st.fixed_dictionaries({"oneOf": some}, optional={"type": types, "discriminator": st.just({})}),
    )


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Schema]:
    """Draw schemas of objects."""
    members = st.dictionaries(names, inner, max_size=3)
    return st.fixed_dictionaries(
        {"type": st.just("object")},
        optional={
            "properties": members,
            "required": st.lists(names, max_size=3, unique=True) | st.just(["a", "b", "title"]),
            "additionalProperties": inner | st.sampled_from([False]),
            "patternProperties": members,
            "propertyNames": inner,
            "title": names,
            "anyOf": st.lists(inner, max_size=2),
        },
    )


schemas = st.recursive(leaves(), nested, max_leaves=6)
parameters = st.builds(
    lambda schema, definitions, ref: {**schema, **definitions, **ref},
    objects(schemas),
    st.fixed_dictionaries(
        {},
        optional={
            "$defs": st.fixed_dictionaries({}, optional={"a": schemas, "b": schemas}),
            "definitions": st.fixed_dictionaries({"a": schemas}),
        },
    ),
    st.just({}) | st.fixed_dictionaries({"$ref": st.just("#/$defs/a")}),
)


@pytest.mark.parametrize("name", WRITERS)
@share(1)
@given(parameters)
def test_it_is_sent_as_pydantic_ai_sends_it(name: str, schema: Schema) -> None:
    write, transformer = WRITERS[name]
    before = deepcopy(schema)
    sent, is_strict = write(schema)
    assert schema == before, "what was given stays as it is"
    try:
        expected = transformer(deepcopy(schema))
        walked = expected.walk()
    except (UserError, AssertionError, RuntimeError):  # it refuses the schema, so the vendor is to tell why
        return
    assert json.loads(json.dumps(sent)) == json.loads(json.dumps(walked))
    assert is_strict == expected.is_strict_compatible


@pytest.mark.parametrize("name", WRITERS)
@given(st.dictionaries(st.sampled_from(["type", "properties", "$defs", "$ref", "anyOf", "items"]), leaves() | names))
def test_what_is_no_schema_fails_at_the_vendor(name: str, schema: Schema) -> None:
    write, transformer = WRITERS[name]
    sent, is_strict = write(schema)
    try:
        transformer(schema).walk()
    except UserError:
        assert (sent, is_strict) == (schema, False) or "$ref" in schema
