"""Pictures that are kept: what people uploaded, and what was fetched, or read, for the messages of sessions."""

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec


class ImageInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a picture beside its bytes. It goes when the session goes for which it was uploaded."""

    id: str
    filename: str
    content_type: str
    size_bytes: int
    created_at: str
    session_id: str | None = None


class Image(msgspec.Struct, frozen=True):
    """A picture with its bytes, which never change."""

    content_type: str
    content: bytes


class Images(Protocol):
    """The pictures of one organisation. Methods that name one raise NotFoundError("image", id) if it is not there."""

    async def create(self, content: bytes, filename: str, session_id: str | None = None) -> ImageInfo:
        """Keep a picture.

        Raises:
            InvalidInputError: `invalid_image`: it is no PNG, JPEG, GIF or WebP; `images_full`: there is no more room.
        """
        ...

    async def list(self, *, offset: int = 0, limit: int = 100) -> Sequence[ImageInfo]:
        """Return what is known of pictures, newest first."""
        ...

    async def read(self, image_id: str) -> Image:
        """Return a picture."""
        ...

    async def check(self, image_ids: Collection[str]) -> None:
        """Pass if all of them are there."""
        ...

    async def delete(self, image_id: str) -> None:
        """Forget a picture: who is shown it later reads that it is not there."""
        ...


class Fetched(msgspec.Struct, frozen=True):
    """What came of looking for a picture: the picture, or the words that stand for it."""

    content: bytes | None = None
    words: str = ""


class ShownImages(Protocol):
    """The pictures that the messages of one session may show."""

    async def read(self, image_id: str) -> Image:
        """Return an uploaded picture of the session's organisation. Raises NotFoundError."""
        ...

    async def fetched(self, message_id: str, url: str) -> Fetched | None:
        """Return what was fetched for a message, None if nobody has."""
        ...

    async def keep(self, message_id: str, url: str, fetched: Fetched) -> Fetched:
        """Keep what was fetched for a message, as long as the session is there, and return what is kept.

        That is what somebody else kept before, or words where the session's pictures have no more room.
        """
        ...
