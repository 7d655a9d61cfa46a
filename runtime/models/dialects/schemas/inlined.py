"""A tool's JSON schema for models that do not see definitions: each reference is replaced by what it refers to.

Only what refers to itself keeps its definition. A schema that cannot be written so goes as it is.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, Final

from runtime.models.dialects.schemas.openai import compatible_schema
from runtime.models.dialects.schemas.walk import Schema, descended, is_schema

_MOST_VALUES: Final = 250_000  # of JSON, that references may expand to
_NULL: Final = {"type": "null"}
_DROPPED_BY_GEMINI: Final = (
    "$schema",
    "title",
    "discriminator",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
)


class _UnresolvedError(Exception):
    """A reference leads nowhere, or to too much."""


def inlined_schema(schema: Schema) -> tuple[Schema, bool]:
    """Return a tool's parameters without references, and whether in strict mode."""
    return _tried(schema, lambda: (_Inliner(schema).walked(), True))


def gpt_oss_schema(schema: Schema) -> tuple[Schema, bool]:
    """Return a tool's parameters for an open model of OpenAI's, and whether in strict mode."""
    return compatible_schema(_tried(schema, lambda: (_inlined_if_whole(schema), True))[0])


def gemini_schema(schema: Schema) -> tuple[Schema, bool]:
    """Return a tool's parameters as OpenRouter hands them to Gemini, and whether in strict mode."""
    return _tried(schema, lambda: (_ForGemini(schema).walked(), True))


def _tried(schema: Schema, write: Callable[[], tuple[Schema, bool]]) -> tuple[Schema, bool]:
    try:
        return write() if is_schema(schema) else (schema, False)
    except (_UnresolvedError, RecursionError):
        return schema, False


def _inlined_if_whole(schema: Schema) -> Schema:
    inlined = _Inliner(schema).walked()
    has_all = all(_pointed(inlined, ref) is not None for ref in _refs(inlined))
    return inlined if has_all else schema  # a reference stands where no schema is looked for


class _Inliner:
    """Rewrites a copy of a schema."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._definitions: dict[str, Any] = schema.get("$defs") or {}
        self._inside: list[str] = []
        self._recursive: dict[str, None] = {}
        self._written: dict[str, tuple[Schema, int]] = {}
        self._values = 0

    def walked(self) -> Schema:
        """Return the schema without references, or with those only that refer to themselves."""
        root = deepcopy(self._schema)
        root.pop("$defs", None)
        written: Schema = self._visit(root)
        if not self._recursive:
            return written
        definitions: dict[str, Any] = {}
        while len(definitions) < len(self._recursive):
            definitions |= {key: self._copied(key) for key in tuple(self._recursive) if key not in definitions}
        ref = self._schema.get("$ref")
        key = _key(ref) if ref is not None else self._schema.get("title", "root")
        while ref is None and key in definitions:
            key = f"{key}_root"
        definitions[key] = written
        return {"$defs": definitions, "$ref": ref or f"#/$defs/{key}"}

    def _visit(self, schema: Any) -> Any:
        if not isinstance(schema, dict):
            return schema
        if schema.get("$ref") and (referred := self._referred(schema, schema["$ref"])) is not None:
            return referred
        return self._changed(descended(schema, self._visit, goes_into=self._goes_into, united=self._united))

    def _changed(self, schema: Schema) -> Schema:
        return schema

    def _goes_into(self, schema: Any) -> bool:
        del schema
        return True

    def _united(self, members: list[Any]) -> list[Any]:
        return members

    def _referred(self, schema: Schema, ref: str) -> Schema | None:
        """Return what a reference refers to, with what stands beside it; None if the reference has to stay."""
        key = _key(ref)
        if key in self._inside:
            if key not in self._definitions:
                raise _UnresolvedError(ref)
            self._recursive[key] = None
            return None
        if key in self._recursive:
            return None
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        return self._write(key, beside) if beside else self._copied(key)

    def _copied(self, key: str) -> Schema:
        if key in self._written:
            written, values = self._written[key]
            self._count(values)
        else:
            before = self._values
            written = self._write(key, {})
            self._written[key] = written, self._values - before
        return deepcopy(written)

    def _write(self, key: str, beside: Schema) -> Schema:
        definition = self._definitions.get(key)
        if definition is None:
            definition = _pointed(self._schema, key)
        if definition is None or not is_schema(definition):
            raise _UnresolvedError(key)
        self._inside.append(key)
        if isinstance(definition, bool):  # nothing passes what is false, whatever stands beside it
            schema = deepcopy(beside) | ({} if definition else {"not": {}})
        else:
            schema = deepcopy(definition) | beside
        self._count(_size(schema))
        written: Schema = self._visit(schema)
        self._inside.pop()
        return written

    def _count(self, values: int) -> None:
        self._values += values
        if self._values > _MOST_VALUES:
            raise _UnresolvedError


class _ForGemini(_Inliner):
    """Knows what OpenRouter's translation for Gemini does not understand."""

    def _changed(self, schema: Schema) -> Schema:
        for key in _DROPPED_BY_GEMINI:
            schema.pop(key, None)
        const = schema.pop("const", None)
        if const is not None:
            schema["enum"] = [const]
        if schema.get("enum"):
            schema |= {"type": "string", "enum": [str(value) for value in schema["enum"]]}
        if "oneOf" in schema and "type" not in schema:
            schema["anyOf"] = schema.pop("oneOf")
        form = schema.pop("format", None) if schema.get("type") == "string" else None
        if form:
            said = schema.get("description")
            schema["description"] = f"{said} (format: {form})" if said else f"Format: {form}"
        return schema

    def _goes_into(self, schema: Any) -> bool:
        return next(_refs(schema), None) is not None

    def _united(self, members: list[Any]) -> list[Any]:
        if len(members) != 2 or _NULL not in members:  # noqa: PLR2004  something, or nothing
            return members
        something = next((member for member in members if member != _NULL), _NULL)
        if something == _NULL:
            return [something]
        return [deepcopy(something) | {"nullable": True}] if isinstance(something, dict) else members


def _key(ref: str) -> str:
    """Return the name of a definition, or the pointer to anything else."""
    prefix = "#/$defs/"
    return _unescaped(ref.removeprefix(prefix)) if ref.startswith(prefix) else ref


def _unescaped(token: str) -> str:
    return token.replace("~1", "/").replace("~0", "~")


def _pointed(schema: Any, ref: str) -> Schema | None:
    """Return the object that a local JSON pointer (RFC 6901) points at, if any."""
    if ref != "#" and not ref.startswith("#/"):
        return None
    for token in map(_unescaped, ref.split("/")[1:]):
        if isinstance(schema, dict):
            schema = schema.get(token)
        elif isinstance(schema, list) and token in map(str, range(len(schema))):
            schema = schema[int(token)]
        else:
            return None
    return schema if isinstance(schema, dict) else None


def _refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from _refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from _refs(value)


def _size(node: Any) -> int:
    """Count JSON values."""
    if isinstance(node, dict):
        return 1 + sum(map(_size, node.values()))
    return 1 + sum(map(_size, node)) if isinstance(node, list) else 1
