"""Pictures that messages name: of the workspace, uploaded, or on the Internet.

They are got when a model is first shown them, and are the same from then on. What was got is kept while the session
lives, so that a file that changes does not change what was said before; uploaded ones never change, and what came from
the Internet is stored.
"""

import asyncio
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

import msgspec
import structlog

from runtime.core.errors import CallerError, StoreUnavailableError
from runtime.core.files.pictures import MOST_BYTES, MOST_OF_MESSAGE_BYTES, SCHEME, WEB, is_elsewhere, media_type_of
from runtime.core.message import ImageFilePart, ImagePart, Part, TextPart, Turned
from runtime.engine.fetching import Fetching
from runtime.ports.files import Workspace
from runtime.ports.images import ShownImages
from runtime.ports.outbound import Outbound

log = structlog.get_logger(__name__)
T = TypeVar("T")

KEPT_BYTES: Final = 20_000_000  # of pictures, for one session
RETRY_S: Final = 0.5
_LEFT_OUT: Final = f"[Image left out: those of one message may have {MOST_OF_MESSAGE_BYTES} bytes in all, in base64]"


class Pictures:
    """Those of one session, by message."""

    def __init__(self, workspace: Callable[[], Workspace], images: Callable[[], ShownImages]) -> None:
        self._workspace = workspace
        self._images = images
        self._kept: OrderedDict[str, Turned] = OrderedDict()
        self._bytes = 0

    async def shown(self, history: Iterable[Turned], outbound: Outbound) -> tuple[Turned, ...]:
        """Return a conversation with the pictures in it that its messages name, got by `outbound` where need be."""
        return tuple([
            await self._shown(turned, outbound) if any(map(is_elsewhere, turned.message.content)) else turned
            for turned in history
        ])  # fmt: skip

    async def _shown(self, turned: Turned, outbound: Outbound) -> Turned:
        kept = self._kept.get(turned.message.id)
        if kept is not None:
            self._kept.move_to_end(turned.message.id)
            return kept
        content = await self._content(turned, Fetching(outbound))
        shown = msgspec.structs.replace(turned, message=msgspec.structs.replace(turned.message, content=content))
        self._kept[turned.message.id] = shown
        self._bytes += _size(shown)
        while self._bytes > KEPT_BYTES and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= _size(dropped)
        return shown

    async def _content(self, turned: Turned, fetching: Fetching) -> tuple[Part, ...]:
        """Return the parts of a message, one after the other: they may be many, and each is in memory."""
        content: list[Part] = []
        left_bytes = MOST_OF_MESSAGE_BYTES
        for part in turned.message.content:
            if is_elsewhere(part):
                got = await self._got(part, turned.message.id, fetching) if left_bytes > 0 else part
                left_bytes -= _bytes_of(got)
                content.append(got if left_bytes > 0 else TextPart(_LEFT_OUT))
            else:
                content.append(part)
        return tuple(content)

    async def _got(self, part: Part, message_id: str, fetching: Fetching) -> Part:
        try:
            match part:
                case ImageFilePart(image_id=image_id):
                    return _picture(image_id, (await _outlasting(lambda: self._images().read(image_id))).content)
                case ImagePart(url=str(url)) if url.startswith(SCHEME):
                    return await _outlasting(lambda: self._of_workspace(url.removeprefix(SCHEME)))
                case ImagePart(url=str(url)) if url.startswith(WEB):
                    return await self._of_web(url, message_id, fetching)
        except CallerError:
            return TextPart(f"[Image not found: {_name(part)}]")
        return part

    async def _of_workspace(self, path: str) -> Part:
        workspace = self._workspace()
        entry = await workspace.stat(path)
        if entry.size_bytes > MOST_BYTES:
            return _too_large(path)
        return _picture(path, (await workspace.read(path)).content)

    async def _of_web(self, url: str, message_id: str, fetching: Fetching) -> Part:
        images = self._images()
        fetched = await _outlasting(lambda: images.fetched(message_id, url))
        if fetched is None:
            fetched = await fetching.fetch(url)
            await _outlasting(lambda: images.keep(message_id, url, fetched))
        return TextPart(fetched.words) if fetched.content is None else _picture(url, fetched.content)


async def _outlasting(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask a store until it answers: while it is away, nothing could be journaled either."""
    while True:
        try:
            return await ask()
        except StoreUnavailableError as err:
            log.warning("picture_read_again", reason=err.reason)
            await asyncio.sleep(RETRY_S)


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
    return sum(map(_bytes_of, turned.message.content))


def _bytes_of(part: Part) -> int:
    return len(part.base64 or "") if isinstance(part, ImagePart) else 0
