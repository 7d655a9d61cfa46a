"""Pictures: how a message names one that is kept elsewhere, and which files are one."""

from typing import Final

from runtime.core.message import ImageFilePart, ImagePart, Part

SCHEME: Final = "workspace:"  # of the address of a file of the session's workspace
WEB: Final = ("http://", "https://")
MOST_BYTES: Final = 10_000_000  # of one picture that a model is shown
MOST_OF_MESSAGE_BYTES: Final = 30_000_000  # of all those together that one message names, in base64
MOST_OF_CONVERSATION_BYTES: Final = 2 * MOST_OF_MESSAGE_BYTES  # of all those that a model is shown at once

_BEGINNINGS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def is_elsewhere(part: Part) -> bool:
    """Tell whether a part of a message names a picture that must be got before a model can be shown it."""
    match part:
        case ImageFilePart():
            return True
        case ImagePart(url=url):
            return url is not None and url.startswith((SCHEME, *WEB))
        case _:
            return False


def media_type_of(content: bytes) -> str | None:
    """Return what kind of picture a file is, by its first bytes; None if it is none that models take."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for beginning, kind in _BEGINNINGS if content.startswith(beginning)), None)
