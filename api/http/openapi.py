"""The OpenAPI document: FastAPI's, with the bodies that msgspec reads and the errors that every route has."""

import copy
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.http.auth import SECURITY
from api.http.errors import Problem
from api.http.notices import HEADER, Warned
from api.schemas.message import MessageBody, MessageList, SentMessage, ToolResultsBody, ToolResultsReply

STRUCTS: Final = (MessageBody, MessageList, SentMessage, ToolResultsBody, ToolResultsReply, Problem, Warned)
_METHODS: Final = frozenset({"get", "post", "put", "patch", "delete"})
_PROBLEM: Final[dict[str, Any]] = {
    "description": "What went wrong (RFC 9457)",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}

_WARNINGS: Final[dict[str, Any]] = {
    "description": "What the body had that did nothing, such as `unknown_field agent`; in words in `warnings`",
    "schema": {"type": "string"},
}

_TOKEN: Final[dict[str, Any]] = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token, alone or behind `Bearer` or `ApiKey`; an operation names the scope that it needs",
}

SESSION_PARAMETER: Final[dict[str, Any]] = {
    "name": "session_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^session_[0-9a-f]{32}$"},
}
KEY_PARAMETER: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "For 24 hours, the same key with the same content is the same message.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}


def documented(body: type | None, reply: type, status: int, *parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI operation of a raw route; the structs are among `STRUCTS`."""
    operation: dict[str, Any] = {
        "parameters": [SESSION_PARAMETER, *parameters],
        "responses": {
            str(status): {
                "description": "Successful Response",
                "content": {"application/json": {"schema": _reference(reply)}},
            }
        },
    }
    if body is not None:
        content = {"application/json": {"schema": _reference(body)}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def document(app: FastAPI) -> dict[str, Any]:
    """Return the document, made once."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        made = copy.deepcopy(made)  # parts of it are the routes' own
        made.setdefault("components", {})["securitySchemes"] = {SECURITY: _TOKEN}
        components = made["components"].setdefault("schemas", {})
        _, structs = msgspec.json.schema_components(STRUCTS, ref_template="#/components/schemas/{name}")
        components.update(structs)
        for unused in ("HTTPValidationError", "ValidationError"):
            components.pop(unused, None)
        for path in made["paths"].values():
            for method, operation in path.items():
                if method in _METHODS:
                    operation["responses"].pop("422", None)
                    operation["responses"]["default"] = copy.deepcopy(_PROBLEM)
                    if "requestBody" in operation:
                        _tell_of_warnings(operation["responses"])
        app.openapi_schema = made
    return app.openapi_schema


def _tell_of_warnings(responses: dict[str, Any]) -> None:
    for response in responses.values():
        response["headers"] = {HEADER: _WARNINGS}
        for content in response.get("content", {}).values():  # all are objects of JSON
            content["schema"] = {"allOf": [content["schema"], _reference(Warned)]}


def _reference(struct: type) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{struct.__name__}"}
