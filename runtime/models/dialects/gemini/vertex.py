"""Gemini at Google Vertex: the same protocol, below a project's address and behind another login."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

import msgspec

from runtime.models.dialects.gemini.gemini import Gemini
from runtime.models.vendors import Vendor
from runtime.ports.model import ModelRequest

_OWN: Final = "publishers/google/models/"


class Vertex(Gemini):
    """Writes and reads it."""

    def path(self, model: str) -> str:
        """Return where a model of Google's, or another one by its full name, is asked."""
        name = model if model.startswith(("publishers/", "endpoints/")) else _OWN + model
        return f"/{quote(name)}:streamGenerateContent?alt=sse"

    def headers(self, api_key: str, request: ModelRequest) -> Mapping[str, str]:
        """Return nothing: the login is a token of the service account's (`runtime/models/logins`)."""
        del api_key, request
        return {}

    def body(self, vendor: Vendor, request: ModelRequest, conversation: bytes) -> bytes:
        """Return the request's body; speeds are bought here, not asked for."""
        return super().body(vendor, msgspec.structs.replace(request, speed=None), conversation)
