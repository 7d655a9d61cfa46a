"""A tool's JSON schema as Anthropic is sent it: without titles, and without unions of one.

A schema that is none goes as it is: the vendor says what is wrong with it.
"""

from typing import Any

from runtime.models.dialects.schemas.walk import Schema, descended, rewritten


def sent_schema(schema: Schema) -> Schema:
    """Return a tool's parameters as Anthropic is sent them."""
    return rewritten(schema, _visited)


def _visited(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    made = descended(schema, _visited)
    made.pop("title", None)
    made.pop("$schema", None)
    return made
