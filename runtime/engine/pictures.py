"""Pictures of the workspace in messages: read when a model is first shown them, and the same from then on.

What was read is kept while the session lives, so that a file that changes does not change what was said before.
"""

import asyncio
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
import structlog

from runtime.core.errors import CallerError, StoreUnavailableError
from runtime.core.files.pictures import MOST_BYTES, SCHEME, media_type_of
from runtime.core.message import ImagePart, Part, TextPart, Turned
from runtime.ports.files import Workspace

log = structlog.get_logger(__name__)

KEPT_BYTES: Final = 20_000_000  # of pictures, for one session
RETRY_S: Final = 0.5


class Pictures:
    """Those of one session, by message."""

    def __init__(self, workspace: Callable[[], Workspace]) -> None:
        self._workspace = workspace
        self._kept: OrderedDict[str, Turned] = OrderedDict()
        self._bytes = 0

    async def shown(self, history: Iterable[Turned]) -> tuple[Turned, ...]:
        """Return a conversation with the pictures in it that its messages name."""
        return tuple([await self._shown(turned) if _names_file(turned) else turned for turned in history])

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
        path = _path(part)
        if path is None:
            return part
        while True:
            try:
                return await self._picture(path)
            except CallerError:
                return TextPart(f"[Image not found: {path}]")
            except StoreUnavailableError as err:  # nothing could be journaled either
                log.warning("picture_read_again", reason=err.reason)
                await asyncio.sleep(RETRY_S)

    async def _picture(self, path: str) -> Part:
        workspace = self._workspace()
        entry = await workspace.stat(path)
        if entry.size_bytes > MOST_BYTES:
            return TextPart(f"[Image too large: {path} has more than {MOST_BYTES} bytes]")
        content = (await workspace.read(path)).content
        media_type = media_type_of(content)
        if media_type is None:
            return TextPart(f"[Image not readable: {path} is no PNG, JPEG, GIF or WebP]")
        return ImagePart(base64=b64encode(content).decode(), media_type=media_type)


def _names_file(turned: Turned) -> bool:
    return any(_path(part) is not None for part in turned.message.content)


def _path(part: Part) -> str | None:
    if isinstance(part, ImagePart) and (part.url or "").startswith(SCHEME):
        return (part.url or "").removeprefix(SCHEME)
    return None


def _size(turned: Turned) -> int:
    return sum(len(part.base64 or "") for part in turned.message.content if isinstance(part, ImagePart))
