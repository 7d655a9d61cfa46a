"""A message shows pictures that are kept elsewhere: the model gets their bytes, and words where there is no picture."""

from base64 import b64decode, b64encode
from typing import Any

import pytest

from runtime.core.errors import AddressUnavailableError, ForbiddenError, NotFoundError, StoreUnavailableError
from runtime.core.files.pictures import MOST_BYTES, MOST_OF_CONVERSATION_BYTES, MOST_OF_MESSAGE_BYTES
from runtime.core.message import ImageFilePart, ImagePart, Message, Part, Role, TextPart, Turned
from runtime.engine.album import Album
from runtime.engine.pictures import Pictures
from runtime.models.dialects.chat.chat import Chat
from runtime.models.dialects.exchange import Exchanges
from runtime.ports.files import File, FileEntry
from runtime.ports.images import Fetched, Image
from runtime.ports.model import ModelReply
from runtime.ports.outbound import OutboundReply, OutboundRequest
from tests.model_servers.requests import agent

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 8
WEBP = b"RIFF0000WEBPVP8 "


class Files:
    """A workspace of a few files."""

    def __init__(self, **files: bytes) -> None:
        self.files = {f"/{name}": content for name, content in files.items()}
        self.reads = 0
        self.outages = 0

    def entry(self, path: str) -> FileEntry:
        if path not in self.files:
            raise NotFoundError("file", path)
        size = len(self.files[path])
        return FileEntry(
            id="", path=path, is_directory=False, is_readonly=False, size_bytes=size, created_at="", updated_at=""
        )

    async def stat(self, path: str) -> FileEntry:
        if self.outages:
            self.outages -= 1
            raise StoreUnavailableError(reason="away")
        return self.entry(path)

    async def read(self, path: str) -> File:
        self.reads += 1
        return File(self.entry(path), self.files[path])


def said(*content: Part, number: int = 1) -> Turned:
    return Turned(Message(id=f"message_{number}", role=Role.USER, content=content, created_at=""))


class Uploads:
    """The uploaded pictures of an organisation, and what was fetched for a session of it."""

    def __init__(self, **images: bytes) -> None:
        self.images = images
        self.reads = 0
        self.kept: dict[tuple[str, str], Fetched] = {}

    async def fetched(self, message_id: str, url: str) -> Fetched | None:
        return self.kept.get((message_id, url))

    async def keep(self, message_id: str, url: str, fetched: Fetched) -> Fetched:
        return self.kept.setdefault((message_id, url), fetched)

    async def read(self, image_id: str) -> Image:
        self.reads += 1
        if image_id not in self.images:
            raise NotFoundError("image", image_id)
        return Image("image/png", self.images[image_id])


class Internet:
    """The way out, to a few addresses: bytes, a status, or what is raised."""

    def __init__(self, **pages: bytes | int | Exception) -> None:
        self.pages = {f"https://example.com/{name}": page for name, page in pages.items()}
        self.asked: list[OutboundRequest] = []

    async def fetch(self, request: OutboundRequest) -> OutboundReply:
        self.asked.append(request)
        page = self.pages[request.url]
        if isinstance(page, Exception):
            raise page
        return OutboundReply(page, request.url, {}, b"") if isinstance(page, int) else OutboundReply(200, "", {}, page)


class Kept:
    """Pictures as a session keeps them, and its way out."""

    def __init__(self, files: Any, uploads: Any, internet: Any, album: Album) -> None:
        self._pictures, self._internet = Pictures("session_1", album, lambda: files, lambda: uploads), internet

    async def shown(self, history: list[Turned]) -> tuple[Turned, ...]:
        return await self._pictures.shown(history, self._internet)


def pictures(files: Any = None, uploads: Any = None, internet: Any = None, album: Album | None = None) -> Kept:
    return Kept(files, uploads or Uploads(), internet, album or Album())


def picture(path: str) -> ImagePart:
    return ImagePart(url=f"workspace:{path}")


@pytest.mark.parametrize(("content", "media_type"), [(PNG, "image/png"), (WEBP, "image/webp")])
async def test_a_model_gets_the_bytes_of_a_picture_and_what_kind_it_is(content: bytes, media_type: str) -> None:
    [shown] = await pictures(Files(a=content)).shown([said(TextPart("Look:"), picture("/a"))])
    text, image = shown.message.content
    assert text == TextPart("Look:")
    assert isinstance(image, ImagePart)
    assert (b64decode(image.base64 or ""), image.media_type, image.url) == (content, media_type, None)


@pytest.mark.parametrize(
    ("path", "words"), [("/b", "not found: /b"), ("/text", "not readable: /text"), ("/huge", "too large: /huge")]
)
async def test_what_cannot_be_shown_is_told_in_words(path: str, words: str) -> None:
    files = Files(text=b"no picture", huge=PNG + b"0" * MOST_BYTES)
    [shown] = await pictures(files).shown([said(picture(path))])
    assert words in shown.message.text
    assert files.reads == (path == "/text")


async def test_other_messages_stay_the_very_same() -> None:
    history = [said(TextPart("hi")), said(ImagePart(url="data:image/png;base64,AAAA"), number=2)]
    shown = await pictures(Files()).shown(history)
    assert all(a is b for a, b in zip(shown, history, strict=True))


async def test_a_file_that_changes_does_not_change_what_was_shown() -> None:
    files = Files(a=PNG)
    kept, history = pictures(files), [said(picture("/a"))]
    first = await kept.shown(history)
    files.files["/a"] = WEBP
    assert (await kept.shown(history))[0] is first[0]
    assert files.reads == 1


async def test_what_leaves_memory_is_shown_again_as_it_was() -> None:
    files, uploads, history = Files(a=PNG), Uploads(), [said(picture(path)) for path in ("/a", "/none")]
    [there, missing] = [await pictures(files, uploads).shown([turned]) for turned in history]
    files.files |= {"/a": WEBP, "/none": PNG}
    assert [await pictures(files, uploads).shown([turned]) for turned in history] == [there, missing]
    assert files.reads == 1
    assert "[Image not found: /none]" in missing[0].message.text


async def test_where_a_session_has_no_more_room_for_pictures_the_model_reads_so() -> None:
    uploads = Uploads()
    uploads.kept["message_1", "workspace:/a"] = Fetched(words="[Image left out]")
    [shown] = await pictures(Files(a=PNG), uploads).shown([said(picture("/a"))])
    assert shown.message.content == (TextPart("[Image left out]"),)


async def test_a_database_that_is_away_is_waited_for() -> None:
    files = Files(a=PNG)
    files.outages = 1
    [shown] = await pictures(files).shown([said(picture("/a"))])
    assert isinstance(shown.message.content[0], ImagePart)


async def test_an_uploaded_picture_is_shown_as_its_bytes_tell_and_read_once() -> None:
    uploads = Uploads(img_1=WEBP)
    kept, history = pictures(Files(), uploads), [said(TextPart("Look:"), ImageFilePart("img_1", "cat.png"))]
    [shown] = await kept.shown(history)
    assert shown.message.content == (
        TextPart("Look:"), ImagePart(base64=b64encode(WEBP).decode(), media_type="image/webp"),
    )  # fmt: skip
    assert (await kept.shown(history))[0] is shown
    assert uploads.reads == 1


@pytest.mark.parametrize(
    ("image_id", "words"), [("img_2", "[Image not found: img_2]"), ("img_1", "[Image too large: ")]
)
async def test_an_uploaded_picture_that_cannot_be_shown_is_told_in_words(image_id: str, words: str) -> None:
    uploads = Uploads(img_1=PNG + b"0" * MOST_BYTES)
    [shown] = await pictures(Files(), uploads).shown([said(ImageFilePart(image_id))])
    assert shown.message.text.startswith(words)


def web(name: str) -> ImagePart:
    return ImagePart(url=f"https://example.com/{name}")


async def test_a_picture_on_the_internet_is_fetched_by_us_and_once_whoever_runs_the_session() -> None:
    internet, uploads, history = Internet(cat=WEBP), Uploads(), [said(TextPart("Look:"), web("cat"))]
    [shown] = await pictures(uploads=uploads, internet=internet).shown(history)
    assert shown.message.content == (
        TextPart("Look:"), ImagePart(base64=b64encode(WEBP).decode(), media_type="image/webp"),
    )  # fmt: skip
    internet.pages.clear()
    assert await pictures(uploads=uploads, internet=internet).shown(history) == (shown,)
    [asked] = internet.asked
    assert (asked.most_bytes, asked.within_s <= 30) == (MOST_BYTES, True)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (404, "[Image not found: https://example.com/cat (its server answered 404)]"),
        (b"<html>", "[Image not readable: https://example.com/cat is no PNG, JPEG, GIF or WebP]"),
        (ForbiddenError("It leads inside."), "[Image not found: https://example.com/cat (It leads inside.)]"),
        (AddressUnavailableError(1.0, "example.com", "no such name"), "cannot be reached (no such name).)]"),
    ],
)
async def test_what_cannot_be_fetched_is_told_in_words_and_stays_so(page: Any, words: str) -> None:
    internet, uploads, history = Internet(cat=page), Uploads(), [said(web("cat"))]
    [shown] = await pictures(uploads=uploads, internet=internet).shown(history)
    assert words in shown.message.text
    internet.pages["https://example.com/cat"] = PNG
    assert await pictures(uploads=uploads, internet=internet).shown(history) == (shown,)


async def test_the_pictures_of_one_message_are_bounded_together() -> None:
    large = PNG + b"0" * (MOST_BYTES - len(PNG))
    uploads = Uploads(img_1=large)
    [shown] = await pictures(uploads=uploads).shown([said(*[ImageFilePart("img_1")] * 5)])
    sizes = [len(part.base64 or "") for part in shown.message.content if isinstance(part, ImagePart)]
    assert len(sizes) == 2
    assert sum(sizes) <= MOST_OF_MESSAGE_BYTES
    assert shown.message.text.count("[Image left out: ") == 3
    assert uploads.reads == 3


async def test_the_pictures_of_a_conversation_are_bounded_together_and_the_oldest_are_not_read() -> None:
    uploads = Uploads(img_1=PNG + b"0" * (MOST_BYTES - len(PNG)))
    history = [said(TextPart("Look:"), *[ImageFilePart("img_1")] * 2, number=number) for number in range(5)]
    kept = pictures(uploads=uploads)
    shown = await kept.shown(history)
    sizes = [[len(part.base64 or "") for part in t.message.content if isinstance(part, ImagePart)] for t in shown]
    assert [len(of_message) for of_message in sizes] == [0] * 3 + [2] * 2
    assert sum(map(sum, sizes)) <= MOST_OF_CONVERSATION_BYTES
    assert shown[0].message.text.startswith("Look:")
    assert shown[0].message.text.count("[Image left out: ") == 2
    assert uploads.reads == 4
    assert all(a is b for a, b in zip(await kept.shown(history), shown, strict=True))


async def test_a_picture_that_has_become_too_old_is_left_out_of_what_a_vendor_is_told_again() -> None:
    uploads = Uploads(img_1=PNG + b"0" * (MOST_BYTES - len(PNG)))
    kept, exchanges, history = pictures(uploads=uploads), Exchanges(), list[Turned]()
    for number in range(3):
        history += [said(*[ImageFilePart("img_1")] * 2, number=number), agent(ModelReply(text="I see."))]
        told = exchanges.tell(Chat(), "openai", await kept.shown(history)).conversation
    assert len(told) < MOST_OF_CONVERSATION_BYTES
    assert told.count(b"data:image/png;base64,") == 4
    assert told.count(b"[Image left out: ") == 2
