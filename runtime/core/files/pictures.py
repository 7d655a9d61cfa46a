"""Pictures: how a message names one that is kept elsewhere, and which files are one."""

from typing import Final

from runtime.core.errors import InvalidInputError
from runtime.core.files.content import decode_content
from runtime.core.message import ImageFilePart, ImagePart, Part

SCHEME: Final = "workspace:"  # of the address of a file of the session's workspace
WEB: Final = ("http://", "https://")
MOST_BYTES: Final = 10_000_000  # of one picture that a model is shown
MOST_OF_MESSAGE_BYTES: Final = 30_000_000  # of all those together that one message names, in base64
MOST_OF_CONVERSATION_BYTES: Final = 2 * MOST_OF_MESSAGE_BYTES  # of all those that a model is shown at once

_INLINE: Final = "data:"
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


def checked_type(content: bytes) -> str:
    """Return what kind of picture a file is. Raises InvalidInputError: it is none that models take."""
    media_type = media_type_of(content)
    if media_type is None:
        message = "This is no picture that models take: they take PNG, JPEG, GIF and WebP."
        raise InvalidInputError(message, "invalid_image")
    return media_type


def inline_picture(part: ImagePart) -> tuple[bytes, str] | None:
    """Return a picture that stands in the message itself, and its kind as its bytes tell; None if it is elsewhere.

    Raises InvalidInputError: it is not base64, or no picture that models take.
    """
    content = part.base64
    if content is None:
        if part.url is None or not part.url.startswith(_INLINE):
            return None
        head, _, content = part.url.removeprefix(_INLINE).partition(",")
        if head.rpartition(";")[2] != "base64":
            message = "An image in a data: URL is in base64."
            raise InvalidInputError(message, "invalid_content")
    picture = decode_content(content, "base64")
    return picture, checked_type(picture)
