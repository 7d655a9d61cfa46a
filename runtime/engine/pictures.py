"""Pictures that messages name: of the workspace, uploaded, or on the Internet.

They are got when a model is first shown them, and are the same from then on: uploaded ones never change, and what came
from elsewhere is stored with the session, so that a file that changes does not change what was said before.
"""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import msgspec
import structlog

from runtime.core.errors import CallerError, StoreUnavailableError
from runtime.core.files.pictures import (
    MOST_BYTES,
    MOST_OF_CONVERSATION_BYTES,
    MOST_OF_MESSAGE_BYTES,
    SCHEME,
    WEB,
    is_elsewhere,
    media_type_of,
)
from runtime.core.message import ImageFilePart, ImagePart, Part, TextPart, Turned
from runtime.engine.album import Album
from runtime.engine.fetching import Fetching
from runtime.ports.files import Workspace
from runtime.ports.images import Fetched, ShownImages
from runtime.ports.outbound import Outbound

log = structlog.get_logger(__name__)
T = TypeVar("T")

RETRY_S: Final = 0.5
_LEFT_OUT: Final = f"[Image left out: those of one message may have {MOST_OF_MESSAGE_BYTES} bytes in all, in base64]"
_TOO_OLD: Final = "[Image left out: a conversation shows its newest ones]"


class Pictures:
    """Those of one session, by message."""

    def __init__(
        self, session_id: str, album: Album, workspace: Callable[[], Workspace], images: Callable[[], ShownImages]
    ) -> None:
        self._session_id = session_id
        self._album = album
        self._workspace = workspace
        self._images = images

    async def shown(self, history: Sequence[Turned], outbound: Outbound) -> tuple[Turned, ...]:
        """Return a conversation with the pictures in it that its messages name, got by `outbound` where need be.

        The newest messages come first: all that are shown are in memory at once, so as soon as there may be no room for
        a whole message's, older ones are not even read.
        """
        shown: list[Turned] = []
        left_bytes = MOST_OF_CONVERSATION_BYTES
        for turned in reversed(history):
            told = turned
            if any(map(is_elsewhere, turned.message.content)):
                has_room = left_bytes >= MOST_OF_MESSAGE_BYTES
                told = await self._shown(turned, outbound) if has_room else self._left_out(turned)
                left_bytes -= sum(map(_bytes_of, told.message.content))
            shown.append(told)
        return tuple(reversed(shown))

    async def _shown(self, turned: Turned, outbound: Outbound) -> Turned:
        shown = self._album.get(self._session_id, turned.message.id)
        return shown or self._keep(turned, await self._content(turned, Fetching(outbound)))

    def _left_out(self, turned: Turned) -> Turned:
        """Return a message with words for its pictures; the same one as before, for what is told stays as it was."""
        shown = self._album.get(self._session_id, turned.message.id)
        if shown is not None and not any(map(_bytes_of, shown.message.content)):
            return shown
        content = (TextPart(_TOO_OLD) if is_elsewhere(part) else part for part in turned.message.content)
        return self._keep(turned, tuple(content))

    def _keep(self, turned: Turned, content: tuple[Part, ...]) -> Turned:
        shown = msgspec.structs.replace(turned, message=msgspec.structs.replace(turned.message, content=content))
        self._album.keep(self._session_id, shown)
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
        match part:
            case ImageFilePart(image_id=image_id):
                return _as_part(await self._uploaded(image_id))
            case ImagePart(url=str(url)) if url.startswith(SCHEME):
                path = url.removeprefix(SCHEME)
                return _as_part(await self._kept(message_id, url, lambda: self._of_workspace(path)))
            case ImagePart(url=str(url)) if url.startswith(WEB):
                return _as_part(await self._kept(message_id, url, lambda: fetching.fetch(url)))
        return part

    async def _kept(self, message_id: str, url: str, get: Callable[[], Awaitable[Fetched]]) -> Fetched:
        """Return what was got for a message when it was first shown."""
        images = self._images()
        kept = await _outlasting(lambda: images.fetched(message_id, url))
        if kept is not None:
            return kept
        got = await get()
        return await _outlasting(lambda: images.keep(message_id, url, got))

    async def _uploaded(self, image_id: str) -> Fetched:
        try:
            image = await _outlasting(lambda: self._images().read(image_id))
        except CallerError:
            return _missing(image_id)
        return _judged(image_id, image.content)

    async def _of_workspace(self, path: str) -> Fetched:
        try:
            return await _outlasting(lambda: self._read(path))
        except CallerError:
            return _missing(path)

    async def _read(self, path: str) -> Fetched:
        workspace = self._workspace()
        if (await workspace.stat(path)).size_bytes > MOST_BYTES:
            return _too_large(path)
        return _judged(path, (await workspace.read(path)).content)


async def _outlasting(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask a store until it answers: while it is away, nothing could be journaled either."""
    while True:
        try:
            return await ask()
        except StoreUnavailableError as err:
            log.warning("picture_read_again", reason=err.reason)
            await asyncio.sleep(RETRY_S)


def _as_part(got: Fetched) -> Part:
    """Return a picture as a model gets it, or the words that stand for it."""
    if got.content is None:
        return TextPart(got.words)
    return ImagePart(base64=b64encode(got.content).decode(), media_type=media_type_of(got.content))


def _judged(name: str, content: bytes) -> Fetched:
    """Return a picture if it is one that models take, else words."""
    if len(content) > MOST_BYTES:
        return _too_large(name)
    if media_type_of(content) is None:
        return Fetched(words=f"[Image not readable: {name} is no PNG, JPEG, GIF or WebP]")
    return Fetched(content)


def _missing(name: str) -> Fetched:
    return Fetched(words=f"[Image not found: {name}]")


def _too_large(name: str) -> Fetched:
    return Fetched(words=f"[Image too large: {name} has more than {MOST_BYTES} bytes]")


def _bytes_of(part: Part) -> int:
    return len(part.base64 or "") if isinstance(part, ImagePart) else 0
