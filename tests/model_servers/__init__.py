"""A local server that speaks the vendors' real streaming protocols: scripted replies, recorded requests.

    async with model_server() as server:
        server.answer(Said("Hello."), Refused(429, {"retry-after": "7"}))
        environment = server.environment()      # point any model client at it

Without a scripted answer it says `Hello from the server.`, so a benchmark needs no script at all.
"""

from loadtests.protocols import Called, Said
from tests.model_servers.answers import Answer, Broken, Garbage, Hung, Refused, Stalled
from tests.model_servers.server import ModelServer, Recorded, model_server

__all__ = [
    "Answer",
    "Broken",
    "Called",
    "Garbage",
    "Hung",
    "ModelServer",
    "Recorded",
    "Refused",
    "Said",
    "Stalled",
    "model_server",
]
