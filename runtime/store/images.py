"""Pictures, uploaded or fetched for a message: rows that are written once."""

from collections.abc import Collection, Sequence
from hashlib import sha256
from typing import Any, Final

from runtime.core.errors import InvalidInputError, NotFoundError
from runtime.core.files.pictures import checked_type
from runtime.core.files.quotas import LEAST_IMAGE_BYTES, MAX_IMAGE_BYTES
from runtime.core.ids import hex_of
from runtime.core.storable import storable
from runtime.ports.images import Fetched, Image, ImageInfo
from runtime.process.mint import new_id
from runtime.store.pool import translate
from runtime.store.rows import public_id, rfc3339
from runtime.store.tenant import Tenant

MAX_NAME_CHARS: Final = 255
UNNAMED: Final = "image"

_COLUMNS: Final = "id, session_id, filename, content_type, octet_length(content) AS size_bytes, created_at"
_OURS: Final = "org_id = current_org()"

# `octet_length` reads no picture: its row says how long it is. What is uploaded at the same moment may go beyond the
# limit, by a picture for each connection.
INSERT: Final = f"""
INSERT INTO images (org_id, id, session_id, filename, content_type, content)
SELECT current_org(), $1, $2, $3, $4, $5
WHERE (SELECT coalesce(sum(greatest(octet_length(content), {LEAST_IMAGE_BYTES})), 0) FROM images WHERE {_OURS})
    + greatest(octet_length($5::bytea), {LEAST_IMAGE_BYTES}) <= $6::bigint
RETURNING {_COLUMNS}
"""
# Ids rise with time, so the key is the order.
LIST: Final = f"SELECT {_COLUMNS} FROM images WHERE {_OURS} ORDER BY id DESC OFFSET $1 LIMIT $2"
READ: Final = f"SELECT content_type, content FROM images WHERE {_OURS} AND id = $1"
KNOWN: Final = f"SELECT id FROM images WHERE {_OURS} AND id = ANY($1::uuid[])"
DELETE: Final = f"DELETE FROM images WHERE {_OURS} AND id = $1 RETURNING true"

FETCHED: Final = f"""
SELECT content, words FROM fetched_images WHERE {_OURS} AND session_id = $1 AND message_id = $2 AND url_digest = $3
"""
KEEP: Final = f"""
INSERT INTO fetched_images (org_id, session_id, message_id, url_digest, content, words)
SELECT current_org(), $1, $2, $3, CASE WHEN fits THEN $4::bytea END, CASE WHEN fits THEN $5 ELSE $6 END
FROM (
    SELECT coalesce(sum(octet_length(content)), 0) + coalesce(octet_length($4::bytea), 0) <= $7::bigint AS fits
    FROM fetched_images WHERE {_OURS} AND session_id = $1
) AS room
ON CONFLICT DO NOTHING
RETURNING content IS NULL AS is_words, words
"""


class ImageStore:
    """The pictures of one organisation (`runtime.ports.images.Images`); cheap to make."""

    def __init__(self, tenant: Tenant, most_bytes: int = MAX_IMAGE_BYTES) -> None:
        self._tenant = tenant
        self._most_bytes = most_bytes

    async def create(self, content: bytes, filename: str, session_id: str | None = None) -> ImageInfo:
        """Keep a picture; what kind it is, its first bytes say and nobody else."""
        content_type = checked_type(content)
        session = None if session_id is None else hex_of(session_id)
        with translate():
            row = await self._tenant.fetchrow(
                INSERT, hex_of(new_id("img")), session, _plain(filename), content_type, content, self._most_bytes
            )
        if row is None:
            message = (
                f"Input exceeds allowed limits: an organisation keeps at most {self._most_bytes} bytes of images, of "
                f"which each counts as {LEAST_IMAGE_BYTES} or more. Delete some that are not needed."
            )
            raise InvalidInputError(message, "images_full")
        return _info(row)

    async def list(self, *, offset: int = 0, limit: int = 100) -> Sequence[ImageInfo]:
        """Return what is known of pictures, newest first."""
        with translate():
            return [_info(row) for row in await self._tenant.fetch(LIST, offset, limit)]

    async def read(self, image_id: str) -> Image:
        """Return a picture."""
        with translate():
            row = await self._tenant.fetchrow(READ, hex_of(image_id))
        if row is None:
            raise NotFoundError("image", image_id)
        return Image(row["content_type"], row["content"])

    async def check(self, image_ids: Collection[str]) -> None:
        """Pass if all of them are there."""
        with translate():
            rows = await self._tenant.fetch(KNOWN, [hex_of(image_id) for image_id in image_ids])
        known = {public_id("img", row["id"]) for row in rows}
        for image_id in image_ids:
            if image_id not in known:
                raise NotFoundError("image", image_id)

    async def delete(self, image_id: str) -> None:
        """Forget a picture."""
        with translate():
            if await self._tenant.fetchval(DELETE, hex_of(image_id)) is None:
                raise NotFoundError("image", image_id)


class ShownImageStore:
    """The pictures that a session's messages show (`runtime.ports.images.ShownImages`); cheap to make."""

    def __init__(self, tenant: Tenant, session_id: str, most_bytes: int = MAX_IMAGE_BYTES) -> None:
        self._tenant = tenant
        self._most_bytes = most_bytes
        self._session = hex_of(session_id)

    async def read(self, image_id: str) -> Image:
        """Return an uploaded picture."""
        return await ImageStore(self._tenant).read(image_id)

    async def fetched(self, message_id: str, url: str) -> Fetched | None:
        """Return what was fetched for a message, None if nobody has."""
        with translate():
            row = await self._tenant.fetchrow(FETCHED, self._session, hex_of(message_id), _digest(url))
        return None if row is None else Fetched(row["content"], row["words"])

    async def keep(self, message_id: str, url: str, fetched: Fetched) -> Fetched:
        """Keep what was fetched for a message, and return what is kept."""
        full = f"[Image left out: those of one session may have {self._most_bytes} bytes in all]"
        message, given = hex_of(message_id), (fetched.content, fetched.words)
        with translate():
            row = await self._tenant.fetchrow(
                KEEP, self._session, message, _digest(url), *given, full, self._most_bytes
            )
        if row is None:  # another process was faster
            return await self.fetched(message_id, url) or fetched
        return Fetched(words=row["words"]) if row["is_words"] else fetched


def _digest(url: str) -> bytes:
    return sha256(url.encode()).digest()


def _plain(filename: str) -> str:
    """Return the name of a file without the folders in which a client had it."""
    name = storable(filename.replace("\\", "/").rpartition("/")[2]).strip()
    return name[:MAX_NAME_CHARS] or UNNAMED


def _info(row: Any) -> ImageInfo:
    return ImageInfo(
        id=public_id("img", row["id"]),
        filename=row["filename"],
        content_type=row["content_type"],
        size_bytes=row["size_bytes"],
        created_at=rfc3339(row["created_at"]),
        session_id=row["session_id"] and public_id("session", row["session_id"]),
    )
