"""A message shows pictures that are kept elsewhere: the model gets their bytes, and words where there is no picture."""

from base64 import b64decode, b64encode
from typing import Any

import pytest

from runtime.core.errors import NotFoundError, StoreUnavailableError
from runtime.core.files.pictures import MOST_BYTES
from runtime.core.message import ImageFilePart, ImagePart, Message, Part, Role, TextPart, Turned
from runtime.engine.pictures import KEPT_BYTES, Pictures
from runtime.ports.files import File, FileEntry
from runtime.ports.images import Image

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
    """The uploaded pictures of an organisation."""

    def __init__(self, **images: bytes) -> None:
        self.images = images
        self.reads = 0

    async def read(self, image_id: str) -> Image:
        self.reads += 1
        if image_id not in self.images:
            raise NotFoundError("image", image_id)
        return Image("image/png", self.images[image_id])


def pictures(files: Any, uploads: Any = None) -> Pictures:
    return Pictures(lambda: files, lambda: uploads)


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
    history = [said(TextPart("hi")), said(ImagePart(url="https://example.com/a.png"), number=2)]
    shown = await pictures(Files()).shown(history)
    assert all(a is b for a, b in zip(shown, history, strict=True))


async def test_a_file_that_changes_does_not_change_what_was_shown() -> None:
    files = Files(a=PNG)
    kept, history = pictures(files), [said(picture("/a"))]
    first = await kept.shown(history)
    files.files["/a"] = WEBP
    assert (await kept.shown(history))[0] is first[0]
    assert files.reads == 1


async def test_what_is_kept_for_a_session_is_bounded() -> None:
    size = MOST_BYTES - 100
    files = Files(a=PNG + b"0" * size)
    kept = pictures(files)
    history = [said(picture("/a"), number=number) for number in range(3)]
    assert len(b64encode(files.files["/a"])) * 2 > KEPT_BYTES
    for turned in (*history, history[-1]):
        await kept.shown([turned])
    assert files.reads == 3
    await kept.shown(history[:1])
    assert files.reads == 4


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
