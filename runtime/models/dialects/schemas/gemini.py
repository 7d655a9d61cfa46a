"""A tool's JSON schema as Gemini is sent it: without what it does not know, where that can be said otherwise.

A schema that is none goes as it is: the vendor says what is wrong with it.
"""

from typing import Any, Final

from runtime.models.dialects.schemas.walk import Schema, descended, rewritten

_DROPPED: Final = ("$schema", "discriminator", "examples", "title", "exclusiveMinimum", "exclusiveMaximum")
_OPTION: Final = frozenset({"enum", "type", "description"})
_TYPES: Final = ((str, "string"), (bool, "boolean"), (int, "integer"), (float, "number"))


def sent_schema(schema: Schema) -> Schema:
    """Return a tool's parameters as Gemini is sent them."""
    return rewritten(schema, _visited)


def _visited(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    schema = descended(schema, _visited)
    if (const := schema.pop("const", None)) is not None:
        schema["enum"] = [const]
        kind = next((name for kind, name in _TYPES if isinstance(const, kind)), None)
        if kind is not None:
            schema.setdefault("type", kind)
    _gather_options(schema)
    for key in _DROPPED:
        schema.pop(key, None)
    if schema.get("type") == "string" and (form := schema.pop("format", None)):
        said = schema.get("description")
        schema["description"] = f"{said} (format: {form})" if said else f"Format: {form}"
    return schema


def _gather_options(schema: Schema) -> None:
    """Make one `enum` of options that were each described: Gemini does not keep to them otherwise."""
    options = schema.get("anyOf")
    if not options or not all(map(_is_option, options)):
        return
    kind = options[0].get("type")
    if "enum" in schema or any(option.get("type") != kind for option in options) or schema.get("type", kind) != kind:
        return
    del schema["anyOf"]
    schema["enum"] = [option["enum"][0] for option in options]
    if kind is not None:
        schema["type"] = kind
    described = [f"{option['enum'][0]}: {option['description']}" for option in options if option.get("description")]
    if described:
        schema["description"] = "\n".join([*filter(None, [schema.get("description")]), *described])


def _is_option(option: Any) -> bool:
    return isinstance(option, dict) and option.keys() <= _OPTION and len(option.get("enum") or ()) == 1
