"""JSON schemas from inside out: whether one is one, and a visit of all in it."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any, Final

Schema = dict[str, Any]

_UNIONS: Final = ("allOf", "anyOf", "oneOf")
_MAPS: Final = ("properties", "patternProperties", "$defs")
_LISTS: Final = ("prefixItems", *_UNIONS)
_NODES: Final = ("additionalProperties", "propertyNames", "contains")


def is_schema(node: Any) -> bool:
    """Tell whether the parts that matter here have the shape that JSON Schema gives them."""
    if isinstance(node, bool):
        return True
    if not isinstance(node, dict):
        return False
    return (
        all(_is_map(node.get(key)) for key in _MAPS)
        and all(_is_list(node.get(key)) for key in _LISTS)
        and all(node.get(key) is None or is_schema(node[key]) for key in _NODES)
        and (_is_list(node.get("items")) or is_schema(node["items"]))
        and isinstance(node.get("$ref", ""), str)
        and all(isinstance(node.get(key, []), list) for key in ("required", "enum"))
        and _is_type(node.get("type"))
    )


def _is_map(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and all(map(is_schema, value.values())))


def _is_list(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(map(is_schema, value)))


def _is_type(value: Any) -> bool:
    return (
        value is None or isinstance(value, str) or (isinstance(value, list) and all(isinstance(v, str) for v in value))
    )


def rewritten(schema: Schema, visit: Callable[[Any], Any]) -> Schema:
    """Return a copy of a schema, it and its definitions visited. One that is none goes as it is."""
    if not is_schema(schema):
        return schema
    rest = deepcopy(schema)
    definitions: Schema = rest.pop("$defs", None) or {}
    sent: Schema = visit(rest)
    if definitions:
        sent["$defs"] = {name: visit(definition) for name, definition in definitions.items()}
    return sent


def descended(
    schema: Schema,
    visit: Callable[[Any], Any],
    *,
    goes_into: Callable[[Any], bool] = lambda _: False,
    united: Callable[[list[Any]], list[Any]] = lambda members: members,
) -> Schema:
    """Visit the schemas in a schema, in place. A union of one becomes that one, unless a type stands beside it.

    The order is pydantic-ai's, for what is visited first decides where something that names itself is written out.
    `goes_into` tells for those of the keywords `propertyNames` and `contains` whether to visit them, `united` may
    simplify the members of a union.
    """
    match schema.get("type"):
        case "object":
            _visit_each(schema, ("properties",), visit)
            _visit_some(schema, "additionalProperties", visit)
            _visit_each(schema, ("patternProperties",), visit)
            _visit_some(schema, "propertyNames", visit, goes_into)
        case "array":
            _visit_each(schema, ("prefixItems",), visit)
            if isinstance(schema.get("items"), list):
                _visit_each(schema, ("items",), visit)
            else:
                _visit_some(schema, "items", visit, bool)
            _visit_some(schema, "contains", visit, goes_into)
        case None:
            for kind in _UNIONS:
                schema = _without_union_of_one(schema, kind, visit, united)
            return schema
    _visit_each(schema, _UNIONS, visit)
    return schema


def _visit_each(schema: Schema, keys: Iterable[str], visit: Callable[[Any], Any]) -> None:
    for key in keys:
        inner = schema.get(key)
        if isinstance(inner, dict):
            schema[key] = {name: visit(value) for name, value in inner.items()}
        elif inner:
            schema[key] = [visit(value) for value in inner]


def _visit_some(
    schema: Schema, key: str, visit: Callable[[Any], Any], goes_into: Callable[[Any], bool] = lambda _: True
) -> None:
    if schema.get(key) is not None and goes_into(schema[key]):
        schema[key] = visit(schema[key])


def _without_union_of_one(
    schema: Schema, kind: str, visit: Callable[[Any], Any], united: Callable[[list[Any]], list[Any]]
) -> Schema:
    members = schema.pop(kind, None)
    if members is None:
        return schema
    visited = united([visit(member) for member in members])
    if len(visited) == 1 and isinstance(visited[0], dict) and visited[0].get("not") != {}:
        return visited[0] | schema
    return schema | {kind: visited}
