"""A tool's JSON schema as Anthropic is sent it: without titles, and without unions of one.

A schema that is none goes as it is: the vendor says what is wrong with it.
"""

from typing import Any

from runtime.models.dialects.schemas.walk import Schema, descended, is_schema


def sent_schema(schema: Schema) -> Schema:
    """Return a tool's parameters as Anthropic is sent them; the schema itself is used up."""
    if not is_schema(schema):
        return schema
    definitions: Schema = schema.pop("$defs", None) or {}
    sent: Schema = _visited(schema)
    if definitions:
        sent["$defs"] = {name: _visited(definition) for name, definition in definitions.items()}
    return sent


def _visited(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    made = descended(schema, _visited)
    made.pop("title", None)
    made.pop("$schema", None)
    return made
