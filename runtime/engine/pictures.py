"""Pictures that messages name, of the workspace or uploaded: read when a model is first shown them, and kept.

What was read is kept while the session lives, so that a file that changes does not change what was said before.
Uploaded ones never change.
"""

import asyncio
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
import structlog

from runtime.core.errors import CallerError, StoreUnavailableError
from runtime.core.files.pictures import MOST_BYTES, SCHEME, is_elsewhere, media_type_of
from runtime.core.message import ImageFilePart, ImagePart, Part, TextPart, Turned
from runtime.ports.files import Workspace
from runtime.ports.images import Images

log = structlog.get_logger(__name__)

KEPT_BYTES: Final = 20_000_000  # of pictures, for one session
RETRY_S: Final = 0.5


class Pictures:
    """Those of one session, by message."""

    def __init__(self, workspace: Callable[[], Workspace], images: Callable[[], Images]) -> None:
        self._workspace = workspace
        self._images = images
        self._kept: OrderedDict[str, Turned] = OrderedDict()
        self._bytes = 0

    async def shown(self, history: Iterable[Turned]) -> tuple[Turned, ...]:
        """Return a conversation with the pictures in it that its messages name."""
        return tuple(
            [
                await self._shown(turned) if any(map(is_elsewhere, turned.message.content)) else turned
                for turned in history
            ]
        )

    async def _shown(self, turned: Turned) -> Turned:
        kept = self._kept.get(turned.message.id)
        if kept is not None:
            self._kept.move_to_end(turned.message.id)
            return kept
        content = tuple([await self._read(part) for part in turned.message.content])
        shown = msgspec.structs.replace(turned, message=msgspec.structs.replace(turned.message, content=content))
        self._kept[turned.message.id] = shown
        self._bytes += _size(shown)
        while self._bytes > KEPT_BYTES and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= _size(dropped)
        return shown

    async def _read(self, part: Part) -> Part:
        while True:
            try:
                return await self._found(part)
            except CallerError:
                return TextPart(f"[Image not found: {_name(part)}]")
            except StoreUnavailableError as err:  # nothing could be journaled either
                log.warning("picture_read_again", reason=err.reason)
                await asyncio.sleep(RETRY_S)

    async def _found(self, part: Part) -> Part:
        match part:
            case ImageFilePart(image_id=image_id):
                return _picture(image_id, (await self._images().read(image_id)).content)
            case ImagePart(url=str(url)) if url.startswith(SCHEME):
                return await self._of_workspace(url.removeprefix(SCHEME))
            case _:
                return part

    async def _of_workspace(self, path: str) -> Part:
        workspace = self._workspace()
        entry = await workspace.stat(path)
        if entry.size_bytes > MOST_BYTES:
            return _too_large(path)
        return _picture(path, (await workspace.read(path)).content)


def _picture(name: str, content: bytes) -> Part:
    """Return a picture as a model gets it, or words."""
    if len(content) > MOST_BYTES:
        return _too_large(name)
    media_type = media_type_of(content)
    if media_type is None:
        return TextPart(f"[Image not readable: {name} is no PNG, JPEG, GIF or WebP]")
    return ImagePart(base64=b64encode(content).decode(), media_type=media_type)


def _too_large(name: str) -> Part:
    return TextPart(f"[Image too large: {name} has more than {MOST_BYTES} bytes]")


def _name(part: Part) -> str:
    match part:
        case ImageFilePart(image_id=image_id):
            return image_id
        case ImagePart(url=str(url)):
            return url.removeprefix(SCHEME)
        case _:
            return ""


def _size(turned: Turned) -> int:
    return sum(len(part.base64 or "") for part in turned.message.content if isinstance(part, ImagePart))
