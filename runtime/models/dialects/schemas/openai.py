"""A tool's JSON schema as servers of OpenAI's protocols are sent it, and whether strict mode can hold a model to it.

In strict mode, whatever the model writes fits the schema, but only a part of JSON Schema may be used:
https://developers.openai.com/api/docs/guides/structured-outputs#supported-schemas. No meaning is changed to get there:
a schema that says more than strict mode can is sent without it. A schema that is none goes as it is: the vendor says
what is wrong with it.
"""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, Final

from runtime.models.dialects.schemas.walk import Schema, descended, is_schema

_DROPPED: Final = ("title", "$schema", "discriminator")
_LENGTHS: Final = frozenset({"minLength", "maxLength"})
_NOT_STRICT: Final = frozenset(
    {
        "contains",
        "default",
        "maxContains",
        "maxProperties",
        "minContains",
        "minProperties",
        "oneOf",
        "patternProperties",
        "propertyNames",
        "unevaluatedItems",
        "unevaluatedProperties",
        "uniqueItems",
    }
)
_FORMATS: Final = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"},
)
_TYPING: Final = ("type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const")
_LOOKAROUND: Final = re.compile(r"(?:[^\\]|\\.)*?\(\?<?[=!]", re.DOTALL)
_DEFINITION: Final = re.compile(r"#/(\$defs|definitions)/[^/]+")
_DEEPEST: Final = 10  # objects in objects
_MOST_PROPERTIES: Final = 5000


def strict_schema(schema: Schema) -> tuple[Schema, bool]:
    """Return a tool's parameters as OpenAI is sent them, and whether in strict mode."""
    if not is_schema(schema):
        return schema, False
    walk = _Walk(schema, is_openai=True)
    sent = walk.walked()
    if walk.has_unwrapped and walk.has_other_refs:  # one of them may point into what was unwrapped
        walk = _Walk(schema, is_openai=True, unwraps=False)
        sent = walk.walked()
    return sent, walk.is_strict and not _is_too_large(sent)


def compatible_schema(schema: Schema) -> tuple[Schema, bool]:
    """Return a tool's parameters as another server of OpenAI's protocols is sent them, and whether in strict mode."""
    if not is_schema(schema):
        return schema, False
    walk = _Walk(schema)
    return walk.walked(), walk.is_strict


class _Walk:
    """Rewrites a copy of a schema, and notes whether strict mode can express all of it."""

    def __init__(self, schema: Schema, *, is_openai: bool = False, unwraps: bool | None = None) -> None:
        self.is_strict = True
        self.has_unwrapped = False
        self.has_other_refs = False
        self._is_openai = is_openai
        self._unwraps = is_openai if unwraps is None else unwraps
        self._schema = deepcopy(schema)
        self._definitions: Schema = self._schema.pop("$defs", None) or {}
        self._root = self._schema.get("$ref")
        if self._root is not None and isinstance(self._definitions.get(_key(self._root)), bool):
            del self._schema["$ref"]
            self._root = None

    def walked(self) -> Schema:
        """Return what is sent."""
        sent: Schema = self._visit(self._schema)
        if self._definitions:
            sent["$defs"] = {key: self._visit(value) for key, value in self._definitions.items()}
        if isinstance(sent.get("definitions"), dict):
            sent["definitions"] = {key: self._visit(value) for key, value in sent["definitions"].items()}
        if self._root is not None:  # it must be an object, not a reference
            sent.pop("$ref", None)
            sent.update(self._definitions.get(_key(self._root)) or {})
        return sent

    def _visit(self, schema: Any) -> Any:
        if not isinstance(schema, dict):
            return schema
        if self._unwraps and _is_list_of_one(schema):
            schema["items"] = schema.pop("prefixItems")[0]
            self.has_unwrapped = True
        schema = descended(schema, self._visit)
        for key in _DROPPED:
            schema.pop(key, None)
        if schema.get("$ref"):
            self._refer(schema)
        self.has_other_refs |= "$dynamicRef" in schema
        self.is_strict &= not self._says_too_much(schema)
        if schema.get("type") == "object":
            self._close(schema)
        return schema

    def _refer(self, schema: Schema) -> None:
        ref = schema["$ref"]
        if ref == self._root:
            schema["$ref"] = "#"
        elif not _DEFINITION.fullmatch(ref):
            self.is_strict &= not ref.startswith("#/")
            self.has_other_refs |= ref != "#"
        if len(schema) > 1:  # nothing may stand beside a reference, but beside a union it may
            schema["anyOf"] = [{"$ref": schema.pop("$ref")}]

    def _says_too_much(self, schema: Schema) -> bool:
        if not _NOT_STRICT.isdisjoint(schema) or (not self._unwraps and not _LENGTHS.isdisjoint(schema)):
            return True
        if schema.get("format") and schema["format"] not in _FORMATS:
            return True
        pattern = schema.get("pattern")
        if isinstance(pattern, str) and _LOOKAROUND.match(pattern):
            return True
        return schema.get("type") == "array" and not self._is_typed_array(schema)

    def _is_typed_array(self, schema: Schema) -> bool:
        if schema.get("prefixItems"):
            return not self._is_openai
        items = schema.get("items")
        return isinstance(items, dict) and any(key in items for key in _TYPING)

    def _close(self, schema: Schema) -> None:
        properties = schema.setdefault("properties", {})
        if schema.get("additionalProperties") in (None, False):
            schema["additionalProperties"] = False
        else:
            self.is_strict = False
        if "required" not in schema or any(name not in schema["required"] for name in properties or ()):
            self.is_strict = False


def _key(ref: str) -> str:
    return ref.removeprefix("#/$defs/").replace("~1", "/").replace("~0", "~")


def _is_list_of_one(schema: Schema) -> bool:
    most = schema.get("maxItems")
    return (
        schema.get("type") == "array"
        and len(schema.get("prefixItems") or ()) == 1
        and isinstance(most, int)
        and not isinstance(most, bool)
        and most == 1
    )


def _is_too_large(schema: Schema) -> bool:
    """Tell whether OpenAI takes a schema outside strict mode only; it counts without following references."""
    groups = (schema.get("$defs"), schema.get("definitions"))
    definitions = [value for group in groups if isinstance(group, dict) for value in group.values()]
    return any(_exceeds(part) for part in (schema, *definitions))


def _exceeds(schema: Any) -> bool:
    objects = list(_objects(schema))
    most = sum(len(properties) for properties, _ in objects)
    return most > _MOST_PROPERTIES or any(depth > _DEEPEST for _, depth in objects)


def _objects(schema: Any, depth: int = 1) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Yield the properties of each object, and in how many objects it stands, itself included."""
    if not isinstance(schema, dict):
        return
    inside, children = depth, [schema.get("items"), *(schema.get("anyOf") or ())]
    properties = schema.get("properties")
    if isinstance(properties, dict):
        yield properties, depth
        inside = depth + 1
        children.extend(properties.values())
    for child in children:
        yield from _objects(child, inside)
