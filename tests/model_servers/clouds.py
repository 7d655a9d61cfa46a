"""Amazon's ConverseStream from the other side, and keys for the logins of clouds."""

import json
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from loadtests.protocols import Said, words

CONVERSE: Final = "/model/{model}/converse-stream"
VERTEX: Final = (
    "/v1beta1/projects/{project}/locations/{location}/publishers/google/models/{model}:streamGenerateContent"
)
ACCESS_KEY: Final = {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "canary-of-a-secret-access-key"}
_TEXT: Final = 7  # the type of a header's value

Event = tuple[str, dict[str, Any]]


def frame(kind: str, payload: Any, message_type: str = "event") -> bytes:
    """Return one frame of an event stream."""
    body = json.dumps(payload).encode()
    headers = b"".join(
        struct.pack(f">B{len(name)}sBH{len(value)}s", len(name), name.encode(), _TEXT, len(value), value.encode())
        for name, value in ((":message-type", message_type), (f":{message_type}-type", kind))
    )
    return sealed(headers, body)


def sealed(headers: bytes, body: bytes) -> bytes:
    """Return a frame whose checksums are right, whatever is in it."""
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    begun = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return begun + struct.pack(">I", zlib.crc32(begun))


def converse(said: Said) -> list[bytes]:
    """Return an answer as its frames."""
    return [frame(kind, payload) for kind, payload in _events(said)]


def _events(said: Said) -> Iterator[Event]:
    yield "messageStart", {"role": "assistant"}
    for index, (start, deltas) in enumerate(_blocks(said)):
        if start:
            yield "contentBlockStart", {"contentBlockIndex": index, "start": start}
        for delta in deltas:
            yield "contentBlockDelta", {"contentBlockIndex": index, "delta": delta}
        yield "contentBlockStop", {"contentBlockIndex": index}
    yield "messageStop", {"stopReason": "tool_use" if said.calls else "end_turn"}
    usage = {
        "inputTokens": said.input_tokens,
        "outputTokens": said.output_tokens,
        "totalTokens": said.input_tokens + said.output_tokens,
        "cacheReadInputTokens": said.cache_read_tokens,
        "cacheWriteInputTokens": said.cache_creation_tokens,
    }
    yield "metadata", {"usage": usage, "metrics": {"latencyMs": 1}}


def _blocks(said: Said) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    if said.thinking:
        thoughts: list[dict[str, Any]] = [{"reasoningContent": {"text": word}} for word in words(said.thinking)]
        yield {}, [*thoughts, {"reasoningContent": {"signature": said.signature}}]
    if said.text:
        yield {}, [{"text": word} for word in said.deltas]
    for call in said.calls:
        half = len(call.written) // 2
        pieces = (call.written[:half], call.written[half:])
        yield {"toolUse": {"toolUseId": call.id, "name": call.name}}, [{"toolUse": {"input": p}} for p in pieces]


@cache
def private_key() -> rsa.RSAPrivateKey:
    """Return a key, made once: it takes a moment."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def service_account(project: str = "perdure-test") -> str:
    """Return the file of a service account's key."""
    pem = private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    email = f"tester@{project}.iam.gserviceaccount.com"
    told = {"type": "service_account", "project_id": project, "private_key_id": "key-1", "private_key": pem}
    return json.dumps({**told, "client_email": email, "token_uri": "https://oauth2.googleapis.com/token"})
