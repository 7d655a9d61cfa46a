"""A tool's schema reaches Gemini as pydantic-ai would send it."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai.profiles.google import GoogleJsonSchemaTransformer

from runtime.models.dialects.schemas.gemini import sent_schema
from tests.laws import share

Json = dict[str, Any]
words = st.text("ab ", max_size=3)
values = st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-1, 1) | words | st.lists(st.integers(), max_size=1)


def both(*parts: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.tuples(*parts).map(lambda dicts: {key: value for some in dicts for key, value in some.items()})


leaves = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "integer", "null", ["string", "null"], None]),
        "title": words,
        "description": words,
        "const": values,
        "enum": st.lists(values, max_size=2),
        "format": st.sampled_from(["date", "", "uuid"]),
        "default": values,
        "examples": st.lists(values, max_size=1),
        "exclusiveMinimum": st.integers(),
        "exclusiveMaximum": st.integers(),
        "minLength": st.integers(0, 3),
        "discriminator": st.just({"propertyName": "kind"}),
        "$schema": st.just("https://json-schema.org/draft/2020-12/schema"),
        "$ref": st.sampled_from(["#/$defs/A", "#/properties/a", "#"]),
        "not": st.sampled_from([{}, {"type": "null"}]),
    },
)
options = st.fixed_dictionaries(
    {"const": words | st.integers()},
    optional={"description": words, "type": st.sampled_from(["string", "integer"]), "title": words},
)


def branches(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    node = inner | st.booleans()
    several = st.lists(node, max_size=3) | st.lists(options, min_size=1, max_size=3)
    named = st.dictionaries(st.sampled_from(["a", "b", "title", "const"]), node, max_size=3)
    whole = {
        "properties": named,
        "patternProperties": named,
        "additionalProperties": node,
        "propertyNames": node,
        "required": st.just(["a"]),
        "items": node | st.lists(node, max_size=2),
        "prefixItems": st.lists(node, max_size=2),
        "contains": node,
        "anyOf": several,
        "oneOf": several,
        "allOf": several,
    }
    kinds = st.fixed_dictionaries({}, optional={"type": st.sampled_from(["object", "array", "string"])})
    return both(leaves, kinds, st.fixed_dictionaries({}, optional=whole))


schemas = both(
    st.recursive(leaves, branches, max_leaves=5),
    st.fixed_dictionaries({}, optional={"$defs": st.dictionaries(st.sampled_from("AB"), leaves, max_size=2)}),
)


@given(schemas)
@share(2.0)
def test_a_schema_becomes_what_pydantic_ai_makes_of_it(schema: Json) -> None:
    before = json.dumps(schema)
    assert sent_schema(schema) == GoogleJsonSchemaTransformer(schema).walk()
    assert json.dumps(schema) == before
