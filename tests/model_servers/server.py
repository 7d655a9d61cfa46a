"""The HTTP side: one port, three protocols told apart by their paths."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from loadtests.protocols import PATHS, Said, environment, frames
from tests.model_servers.answers import Answer, Broken, Garbage, Hung, Refused, Stalled
from tests.model_servers.clouds import CONVERSE, VERTEX, converse

KEY = "sk-local-secret"
_PATHS = {**PATHS, VERTEX: "gemini", CONVERSE: "converse"}
_LISTS = (
    "/v1/models",
    "/v1beta/models",
    "/v1beta1/publishers/google/models",
    "/foundation-models",
    "/inference-profiles",
)
_EVENT_STREAM = "application/vnd.amazon.eventstream"
_WRONG_KEY = Refused(401, message="Incorrect API key provided.")


@dataclass(frozen=True)
class Recorded:
    """One request that came in. Header names are in lower case. `target` and `raw` are path and body to the letter."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    target: str = ""
    raw: bytes = b""


@dataclass
class ModelServer:
    """A running server. `gone` is set when a client left in the middle of an answer, `peers` are the clients' ports."""

    port: int = 0
    requests: list[Recorded] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    peers: set[Any] = field(default_factory=set)
    listed: list[str] = field(default_factory=lambda: ["llama-4", "qwen-5"])
    lists: int = 0
    list_headers: dict[str, str] = field(default_factory=dict)
    wanted_key: str | None = None
    _answers: deque[Answer] = field(default_factory=deque)

    @property
    def base_url(self) -> str:
        """The address without a path."""
        return f"http://127.0.0.1:{self.port}"

    def answer(self, *answers: Answer) -> None:
        """Queue answers, one for each request to come."""
        self._answers.extend(answers)

    def environment(self) -> dict[str, str]:
        """Return keys and addresses under which the vendors' clients find this server."""
        return environment(self.base_url, KEY)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request with the next scripted answer."""
        body: dict[str, Any] = await request.json()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Recorded(request.path, headers, body, request.raw_path, await request.read()))
        if request.transport is not None:
            self.peers.add(request.transport.get_extra_info("peername"))
        if not self._is_let_in(request):
            return _refuse(_WRONG_KEY)
        answer = self._answers.popleft() if self._answers else Said("Hello from the server.")
        match answer:
            case Refused():
                return _refuse(answer)
            case Garbage():
                return web.Response(text=answer.body, content_type=answer.content_type)
            case Hung():
                await self._stall()
                return web.Response(status=504)
            case Said() | Broken() | Stalled():
                return await self._stream(request, answer, request.match_info.get("model") or str(body.get("model")))

    async def list_models(self, request: web.Request) -> web.Response:
        """Answer with `listed`, to whoever shows the key that is wanted."""
        self.lists += 1
        self.list_headers = {name.lower(): value for name, value in request.headers.items()}
        if not self._is_let_in(request):
            return _refuse(_WRONG_KEY)
        if request.path.startswith("/v1beta1"):
            own = [{"name": f"publishers/google/models/{name}"} for name in [*self.listed, "imagen-5"]]
            return web.json_response({"publisherModels": own})
        if request.path == "/foundation-models":
            kinds = (("ON_DEMAND", self.listed), ("PROVISIONED", ["only-bought"]))
            summaries = [
                {"modelId": name, "responseStreamingSupported": True, "inferenceTypesSupported": [kind]}
                for kind, names in kinds
                for name in names
            ]
            return web.json_response({"modelSummaries": summaries})
        if request.path == "/inference-profiles":
            profile = {
                "inferenceProfileId": "eu.anthropic.claude",
                "inferenceProfileName": "Claude",
                "status": "ACTIVE",
            }
            return web.json_response({"inferenceProfileSummaries": [profile]})
        if request.path.startswith("/v1beta"):
            able = [
                {"name": f"models/{name}", "supportedGenerationMethods": ["generateContent"]} for name in self.listed
            ]
            return web.json_response({"models": [*able, {"name": "models/embed", "displayName": "Embeds"}]})
        return web.json_response({"object": "list", "data": [{"id": name} for name in self.listed]})

    def _is_let_in(self, request: web.Request) -> bool:
        shown = {value.removeprefix("Bearer ") for value in request.headers.values()}
        return self.wanted_key is None or self.wanted_key in shown

    async def _stream(self, request: web.Request, answer: Said | Broken | Stalled, model: str) -> web.StreamResponse:
        said = answer if isinstance(answer, Said) else answer.said
        resource = request.match_info.route.resource
        protocol = _PATHS[resource.canonical if resource else request.path]
        is_sse = protocol != "converse"
        every = frames(protocol, said, model, len(self.requests)) if is_sse else converse(said)
        sent = every if isinstance(answer, Said) else every[: answer.after_events]
        response = web.StreamResponse(headers={"content-type": "text/event-stream" if is_sse else _EVENT_STREAM})
        await response.prepare(request)
        for frame in sent:
            await response.write(frame)
        if isinstance(answer, Stalled):
            await self._stall()
        if isinstance(answer, Broken) and answer.is_torn and request.transport is not None:
            request.transport.close()  # without the last chunk of the body
        return response

    async def _stall(self) -> None:
        try:
            await asyncio.Event().wait()  # aiohttp cancels the handler when the client goes
        finally:
            self.gone.set()


def _refuse(answer: Refused) -> web.Response:
    error = {"message": answer.message, "type": answer.kind, "code": answer.error_code, "param": None}
    return web.json_response({"type": "error", "error": error}, status=answer.status, headers=answer.headers)


@asynccontextmanager
async def model_server() -> AsyncIterator[ModelServer]:
    """Run a server on a free port of the loopback interface."""
    server = ModelServer()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    for path in _LISTS:
        app.router.add_get(path, server.list_models)
    for path in _PATHS:
        app.router.add_post(path, server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.port = runner.addresses[0][1]
        yield server
    finally:
        await runner.cleanup()
