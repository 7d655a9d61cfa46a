"""Uploaded images on the wire, without their bytes."""

from typing import Any

from pydantic import Field

from api.schemas.fields import Reply
from runtime.ports.images import ImageInfo


class ImageReply(Reply):
    """What is known of an image. `metadata` is empty: clients of before look for it."""

    id: str
    filename: str
    content_type: str
    size_bytes: int
    metadata: dict[str, Any] = Field(default_factory=dict)
    session_id: str | None = None
    created_at: str

    @classmethod
    def of(cls, image: ImageInfo) -> "ImageReply":
        """Return an image as the wire shows it."""
        return cls(
            id=image.id,
            filename=image.filename,
            content_type=image.content_type,
            size_bytes=image.size_bytes,
            session_id=image.session_id,
            created_at=image.created_at,
        )
