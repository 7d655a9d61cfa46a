"""What is in a file: text or binary, how the wire writes it, and its digest."""

import base64
import hashlib
from typing import Final

from runtime.core.errors import InvalidInputError

_SNIFFED_BYTES: Final = 8192


def is_binary(content: bytes) -> bool:
    """Tell whether there is a NUL in the first 8 KB."""
    return b"\0" in content[:_SNIFFED_BYTES]


def digest(content: bytes) -> str:
    """Return `sha256:` and the hex digest."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def decode_content(content: str, encoding: str = "text") -> bytes:
    """Return the bytes of a file as the wire writes it, `text` or `base64`.

    Raises:
        InvalidInputError: another encoding, or not base64, or broken Unicode.
    """
    try:
        match encoding:
            case "text":
                return content.encode()
            case "base64":
                return base64.b64decode(content, validate=True)
    except ValueError as err:
        message = f"The content is not valid {encoding}."
        raise InvalidInputError(message, "invalid_content") from err
    message = "An encoding is text or base64."
    raise InvalidInputError(message, "invalid_encoding")


def encode_content(content: bytes) -> tuple[str, str]:
    """Return content and encoding as the wire writes them: what is not plain UTF-8 text goes as base64."""
    if not is_binary(content):
        try:
            return content.decode(), "text"
        except UnicodeDecodeError:
            pass
    return base64.b64encode(content).decode(), "base64"
