"""Where the server listens: its port, with TLS or without, and uvicorn on it."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Final

import uvicorn
from fastapi import FastAPI

from api.ending import Ending
from api.http import connections
from api.http.tls import Certificate
from runtime.core.errors import InvalidInputError
from runtime.process.settings import HttpSettings
from runtime.process.tasks import Tasks

DRAIN_TIMEOUT_S: Final = 5
UNREAD_S: Final = 60  # for which a client may take nothing of what waits for it
KEEP_ALIVE_S: Final = (
    75  # of an idle connection; longer than clients and balancers keep theirs, or they meet a closed one
)
_HERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  of a server that listens everywhere


def url_of(http: HttpSettings, port: int) -> str:
    """Return where to find the server, as seen from this machine."""
    host = _HERE.get(http.host, http.host)
    scheme = "http" if http.tls_certificate is None else "https"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


@contextlib.contextmanager
def take_port(http: HttpSettings) -> Iterator[socket.socket]:
    """Take the port, before anything is started: a conflict must show first. Raises InvalidInputError."""
    host, port = http.host, http.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # for whatever is answered; macOS has it for event streams only
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_S * 1000)
        try:
            listener.bind((host, port))
        except OSError as err:
            way_out = "Choose another port with --port or PERDURE_HTTP__PORT."
            message = f"Cannot listen on {host}:{port}: {err.strerror}. {way_out}"
            raise InvalidInputError(message, "port_unavailable") from err
        yield listener


class _Uvicorn(uvicorn.Server):
    """Leaves signals to `serve`, which has more to end than HTTP, and tells when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def hold(self, listener: socket.socket) -> None:
        """Serve until it is told to end. Raises RuntimeError if it ends by itself: nobody would be served."""
        await self.serve(sockets=[listener])
        if not self.should_exit:
            message = "the HTTP server ended by itself"
            raise RuntimeError(message)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def listening(app: FastAPI, http: HttpSettings, listener: socket.socket, ending: Ending) -> AsyncIterator[None]:
    """Serve an application on a port that was taken, and at the end send its clients away."""
    certificate = Certificate.of(http)
    config = uvicorn.Config(
        app,
        http=connections.protocol(http),
        ws="none",  # another protocol would not tell ours when its connection ends
        ssl_context_factory=None if certificate is None else lambda *_: certificate.context,
        proxy_headers=False,  # see api/http/callers.py
        server_header=False,
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_TIMEOUT_S,
    )
    server = _Uvicorn(config)
    tasks = Tasks()
    serving = tasks.owed(server.hold(listener), "http")
    if certificate is not None:
        tasks.essential(certificate.watch(), "certificate")
    try:
        await asyncio.wait({serving, asyncio.create_task(server.up.wait())}, return_when=asyncio.FIRST_COMPLETED)
        yield
    finally:
        app.state.streams.close()
        server.should_exit = True
        await ending.unless_in_a_hurry(serving)
        await tasks.close()
