"""From an error to an HTTP answer: one table, one body (docs/wire.md, "Errors"; RFC 9457)."""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.http.notices import noted
from runtime.core.errors import (
    CallerError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    LimitExceededError,
    ModelRejectedError,
    NotFoundError,
    PerdureError,
    StaleEpochError,
    TransientError,
    UnauthenticatedError,
)
from runtime.process.metrics import counts

# The most exact class counts; what is not here is our fault.
STATUS: Final[Mapping[type[PerdureError], int]] = {
    InvalidInputError: 400,
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    LimitExceededError: 429,
    CallerError: 400,
    ModelRejectedError: 422,
    TransientError: 503,
    StaleEpochError: 503,
    PerdureError: 500,
}
LIMIT_TEXT: Final = "Input exceeds allowed limits"  # clients know these words
_TOO_LARGE: Final = frozenset({"string_too_long", "too_long", "limit_exceeded"})
_HTTP_CODES: Final[Mapping[int, str]] = {
    400: "invalid_input",
    404: "route_not_found",
    405: "method_not_allowed",
    408: "body_too_slow",
    413: "body_too_large",
    415: "unsupported_media_type",
    503: "too_many_bodies",
}
_MAX_DETAIL: Final = 1000
_MAX_FAULTS: Final = 20


class BodyRefusedError(HTTPException):
    """A body that is not even read. An HTTPException, for FastAPI turns anything else into words without a code."""

    def __init__(self, detail: str, code: str) -> None:
        super().__init__(400, detail)
        self.code = code


class ErrorObject(msgspec.Struct, frozen=True):
    """What the Python SDK reads."""

    code: str
    message: str


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with one field of a request."""

    field: str
    message: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The body of every error. `code` is stable; `detail` is for people, `errors` for forms."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    error: ErrorObject
    instance: str | None = None
    retry_after_seconds: int | None = None
    errors: tuple[Fault, ...] = ()


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    instance: str | None = None,
    retry_after_s: float | None = None,
    errors: Sequence[Fault] = (),
) -> Response:
    """Return an error reply; `retry_after_s` is rounded up to whole seconds."""
    counts.requests_failed += status >= HTTPStatus.INTERNAL_SERVER_ERROR
    seconds = None if retry_after_s is None else max(1, math.ceil(retry_after_s))
    detail = detail[:_MAX_DETAIL]
    body = Problem(
        type=f"urn:perdure:error:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail,
        error=ErrorObject(code, detail),
        instance=instance,
        retry_after_seconds=seconds,
        errors=tuple(errors),
    )
    headers = None if seconds is None else {"Retry-After": str(seconds)}
    return Response(msgspec.json.encode(body), status, headers, "application/problem+json")


def status_of(error: PerdureError) -> int:
    """Return the HTTP status of an error, by its class or the nearest above it."""
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)


def reply(error: PerdureError, instance: str | None = None) -> Response:
    """Return the reply to an error that was raised on purpose."""
    status = status_of(error)
    after = getattr(error, "retry_after_s", None)
    if isinstance(error, StaleEpochError):
        after = 1.0
    wrong = [Fault(error.field, str(error))] if isinstance(error, InvalidInputError) and error.field else []
    answer = problem(status, error.stable_code, str(error), instance=instance, retry_after_s=after, errors=wrong)
    if isinstance(error, UnauthenticatedError):
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def install(app: FastAPI) -> None:
    """Answer every expected error with a problem body."""
    app.exception_handler(PerdureError)(_on_perdure)
    app.exception_handler(RequestValidationError)(_on_validation)
    app.exception_handler(HTTPException)(_on_http)


async def _on_perdure(request: Request, error: PerdureError) -> Response:
    return noted(reply(error, request.url.path), request)


async def _on_validation(request: Request, error: RequestValidationError) -> Response:
    found = error.errors()
    answer = problem(400, "invalid_input", explain(found), instance=request.url.path, errors=faults(found))
    return noted(answer, request)


async def _on_http(request: Request, error: HTTPException) -> Response:
    told = error.code if isinstance(error, BodyRefusedError) else None
    code = told or _HTTP_CODES.get(error.status_code, "http_error")
    headers = error.headers or {}
    after = headers.get("Retry-After")
    answer = problem(
        error.status_code,
        code,
        str(error.detail),
        instance=request.url.path,
        retry_after_s=None if after is None else float(after),
    )
    answer.headers.update(headers)
    return noted(answer, request)


def explain(errors: Sequence[Any]) -> str:
    """Return one readable line for what validation found, naming the first few fields."""
    text = "; ".join(f"{fault.field}: {fault.message}" for fault in faults(errors)[:3])
    return f"{LIMIT_TEXT}: {text}" if any(e["type"] in _TOO_LARGE for e in errors) else text


def faults(errors: Sequence[Any]) -> list[Fault]:
    """Return what validation found, field by field: as many as a form can show."""
    return [Fault(_field(e["loc"]), e["msg"].removeprefix("Value error, ")) for e in errors[:_MAX_FAULTS]]


def _field(location: Sequence[int | str]) -> str:
    parts = [str(part) for part in location]
    where = parts[0] if parts else "request"
    return ".".join(parts[1:]) or where
