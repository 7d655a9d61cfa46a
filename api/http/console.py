"""The console: a page of our own that is a client of the API and nothing else, handed out as it was built.

Its policy lets it load and ask this server only: nothing that a model, a tool or a stranger says can make a browser run
something, or tell somebody else that it was read. What is named by its content is kept for ever, compressed beforehand.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from mimetypes import guess_type
from pathlib import Path
from typing import Final

from starlette.datastructures import URLPath
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_INDEX: Final = "/index.html"
_NAMED_BY_CONTENT: Final = "/assets/"
_FOREVER: Final = "public, max-age=31536000, immutable"
_ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))  # the better one first
_SAFE: Final = frozenset({"GET", "HEAD"})
_NO_PAGES: Final = ("/api/", "/api-doc/", "/health")


@dataclass(frozen=True, slots=True)
class File:
    """A file of the bundle, as it is and as it was compressed."""

    body: bytes
    media_type: str
    is_named_by_content: bool
    packed: Mapping[str, bytes] = field(default_factory=dict)

    def answer(self, request: Request) -> Response:
        """Return the reply that suits a browser: nothing if it has the same, packed if it can unpack."""
        headers = {"Vary": "Accept-Encoding", "Content-Security-Policy": POLICY, "ETag": self._tag}
        headers["Cache-Control"] = _FOREVER if self.is_named_by_content else "no-cache"
        if request.headers.get("if-none-match") == self._tag:
            return Response(status_code=304, headers=headers)
        accepted = {part.partition(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
        for encoding, body in self.packed.items():
            if encoding in accepted:
                return Response(body, headers={**headers, "Content-Encoding": encoding}, media_type=self.media_type)
        return Response(self.body, headers=headers, media_type=self.media_type)

    @property
    def _tag(self) -> str:
        return f'"{sha256(self.body).hexdigest()[:32]}"'


class Console(BaseRoute):
    """The last route: files of the bundle, and its page for each address at which a browser wants one.

    What nobody knows stays unknown to programs: they do not ask for a page.
    """

    def __init__(self, folder: Path) -> None:
        self._files = dict(_read(folder))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether there is something to hand out."""
        if scope["type"] != "http" or scope["method"] not in _SAFE:
            return Match.NONE, {}
        path: str = scope["path"]
        is_there = path == "/" or path in self._files or (_is_address(path) and _wants_page(Request(scope)))
        return (Match.FULL if is_there else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand it out."""
        request = Request(scope)
        file = self._files.get(scope["path"]) or self._files.get(_INDEX)
        answer = HTMLResponse(_SIGNPOST) if file is None else file.answer(request)
        await answer(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        """Raise NoMatchFound: no address of the console has a name here."""
        raise NoMatchFound(name, dict(path_params))


def _read(folder: Path) -> Iterator[tuple[str, File]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in {suffix for _, suffix in _ENCODINGS}:
            address = f"/{path.relative_to(folder).as_posix()}"
            beside = ((encoding, path.with_name(path.name + suffix)) for encoding, suffix in _ENCODINGS)
            yield (
                address,
                File(
                    body=path.read_bytes(),
                    media_type=guess_type(path.name)[0] or "application/octet-stream",
                    is_named_by_content=address.startswith(_NAMED_BY_CONTENT),
                    packed={encoding: packed.read_bytes() for encoding, packed in beside if packed.is_file()},
                ),
            )


def _is_address(path: str) -> bool:
    return not f"{path}/".startswith(_NO_PAGES) and "." not in path


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


_SIGNPOST: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Perdure</title>
<body style="font: 16px system-ui; margin: 3rem auto; max-width: 40rem; padding: 0 1rem">
<h1>Perdure</h1>
<p>Durable AI agent sessions. The console is not built here: <code>make install</code> builds it.</p>
<ul><li><a href="/api-doc/">The API</a></li><li><a href="/api-doc/openapi.json">OpenAPI document</a></li>
<li><a href="/health">Health</a></li></ul></body></html>
"""
