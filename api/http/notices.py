"""What was asked for and did nothing: said in a header, in the reply's `warnings`, and in the log.

Unknown request fields are ignored, so a misspelt one would go unnoticed. Which fields there are is
read off the types of the bodies, once; a body is then looked through along with them, and nowhere else.
"""

from collections.abc import Callable, Coroutine, Hashable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from difflib import get_close_matches
from functools import cache
from itertools import islice
from typing import Any, Final, TypeAlias, get_args, get_origin
from urllib.parse import quote

import msgspec
import structlog
from fastapi import Request, Response
from pydantic import BaseModel

log = structlog.get_logger(__name__)

HEADER: Final = "Perdure-Warnings"
MOST: Final = 10  # for one reply
_MAX_NAME_CHARS: Final = 40
_PLAIN: Final = "[]"  # not quoted in the header, beside letters, digits and _.-~

Fields: TypeAlias = Mapping[str, "Fields | None"]  # by name, each with its own; None: there any name is taken


class Notice(msgspec.Struct, frozen=True):
    """One thing that did nothing: where it stood in the body, and what may have been meant."""

    code: str
    field: str
    message: str


class Warned(msgspec.Struct, frozen=True, omit_defaults=True):
    """What any reply to a request with a body may have beside its own fields."""

    warnings: tuple[Notice, ...] = ()


_notices: ContextVar[list[Notice]] = ContextVar("notices")


def warn(code: str, field: str, words: str) -> None:
    """Add to what the reply to this request will say; outside a request, nobody hears it."""
    notices = _notices.get([])
    if len(notices) < MOST:
        notices.append(Notice(code, field, f"{field}: {words}"))


def suggestion(given: str, known: Iterable[str]) -> str:
    """Return the end of a sentence, with what may have been meant."""
    close = get_close_matches(given[:_MAX_NAME_CHARS], known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def note_unknown(body: Any, kind: Any) -> None:
    """Warn of the names in a JSON body that the type it is read as does not have."""
    fields = fields_of(kind)
    for path, name, known in islice(_unknown(body, fields), MOST) if fields else ():
        warn("unknown_field", path + name[:_MAX_NAME_CHARS], f"unknown field, ignored{suggestion(name, known)}")


def _unknown(value: Any, fields: Fields, path: str = "") -> Iterator[tuple[str, str, Fields]]:
    if isinstance(value, list):
        for at, item in enumerate(value):
            if isinstance(item, dict | list):
                yield from _unknown(item, fields, f"{path.removesuffix('.')}[{at}].")
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in fields:
                yield path, name, fields
            elif inner := fields[name]:
                yield from _unknown(item, inner, f"{path}{name}.")


@cache
def fields_of(kind: Any) -> Fields | None:
    """Return the fields that a type of bodies takes, those of lists and unions too; None if it takes any."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        own = kind.model_fields
        names = {name: own[name].annotation for name in own} | {f.alias or n: f.annotation for n, f in own.items()}
        return {name: fields_of(_bare(annotation)) for name, annotation in names.items()}
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        tag = kind.__struct_config__.tag_field
        tagged: dict[str, Fields | None] = {} if tag is None else {tag: None}
        return tagged | {field.encode_name: fields_of(_bare(field.type)) for field in msgspec.structs.fields(kind)}
    if get_origin(kind) is dict:
        return None
    merged: dict[str, Fields | None] = {}
    for part in get_args(kind):
        merged |= fields_of(_bare(part)) or {}
    return merged or None


def _bare(kind: Any) -> Hashable:
    """Return a type without its annotations, which need not be hashable."""
    bare: Hashable = get_args(kind)[0] if hasattr(kind, "__metadata__") else kind
    return bare


# ---------------------------------------------------------------- replies

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def noting(handler: Handler) -> Handler:
    """Return a route's handler whose replies say what the request had that did nothing."""

    async def handle(request: Request) -> Response:
        notices = request.scope["notices"] = []
        token = _notices.set(notices)
        try:
            response = await handler(request)
        finally:
            _notices.reset(token)
        return noted(response, request)

    return handle


def noted(response: Response, request: Request) -> Response:
    """Return a reply with what was noted about its request, in the log too: names only, never values."""
    notices: list[Notice] = request.scope.get("notices", [])
    if notices:
        entries = [f"{notice.code} {quote(notice.field, safe=_PLAIN)}" for notice in notices]
        log.warning("request_warned", method=request.method, path=request.url.path, warnings=entries)
        response.headers[HEADER] = ", ".join(entries)
        if "json" in response.headers.get("content-type", "") and response.body[-1:] == b"}":
            _splice(response, notices)
    return response


def _splice(response: Response, notices: list[Notice]) -> None:
    """Put the warnings into a reply that is encoded already: a reply of JSON is an object and never empty."""
    added = msgspec.json.encode(Warned(tuple(notices)))
    response.body = bytes(response.body[:-1]) + b"," + added[1:]
    response.headers["Content-Length"] = str(len(response.body))
