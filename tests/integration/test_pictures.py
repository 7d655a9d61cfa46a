"""Pictures in messages, on a real database: what a model is shown, by whoever lives through the session."""

import asyncio
from base64 import b64encode
from uuid import UUID

from runtime.core.ids import hex_of
from runtime.core.message import ImageFilePart, ImagePart, Message, Part, Role, TextPart
from runtime.ports.gateway import Input
from runtime.ports.images import Fetched
from runtime.process.mint import new_id, timestamp
from runtime.store.files import WorkspaceFiles
from runtime.store.images import ImageStore, ShownImageStore
from runtime.store.rows import public_id
from runtime.wire.protocol import Send
from tests.integration.conftest import Deployment
from tests.stage import Conversation, ScriptedModel
from tests.tenancy import found_org, ours

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 8


async def say(chat: Conversation, *content: Part) -> None:
    message = Message(id=new_id("message"), role=Role.USER, content=content, created_at=timestamp())
    await chat.ask(Send(Input(message=message)))


def shown(model: ScriptedModel) -> tuple[Part, ...]:
    """Return the first message as the model got it last."""
    return model.requests[-1].history[0].message.content


async def test_a_model_is_shown_an_uploaded_image_whoever_runs_its_session(deployment: Deployment) -> None:
    images = ImageStore(ours(deployment.pool))
    image, theirs = (
        await images.create(PNG, "a.png"),
        await ImageStore(ours(deployment.pool, await found_org(deployment.pool))).create(PNG, "theirs.png"),
    )
    picture = ImagePart(base64=b64encode(PNG).decode(), media_type="image/png")
    not_theirs = TextPart(f"[Image not found: {theirs.id}]")
    first, second, third = ScriptedModel(), ScriptedModel(), ScriptedModel()

    chat = await deployment.converse(deployment.process(first))
    await say(chat, TextPart("Look:"), ImageFilePart(image.id), ImageFilePart(theirs.id))
    await chat.turns_ended()
    assert shown(first) == (TextPart("Look:"), picture, not_theirs)

    await chat.process.kill()
    revived = await deployment.converse(deployment.process(second), chat.session_id)
    await revived.send("And?")
    await revived.turns_ended()
    assert shown(second) == (TextPart("Look:"), picture, not_theirs)

    await images.delete(image.id)
    await revived.process.kill()
    later = await deployment.converse(deployment.process(third), chat.session_id)
    await later.send("And now?")
    await later.turns_ended()
    assert shown(third) == (TextPart("Look:"), TextPart(f"[Image not found: {image.id}]"), not_theirs)


async def test_a_picture_by_url_that_leads_inside_is_not_asked_for_and_the_turn_goes_on(deployment: Deployment) -> None:
    connected = asyncio.Event()

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        writer.close()

    model = ScriptedModel()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://localhost:{server.sockets[0].getsockname()[1]}/cat.png"
        chat = await deployment.converse(deployment.process(model))
        await say(chat, ImagePart(url=url))
        await chat.turns_ended()
    [words] = shown(model)
    assert isinstance(words, TextPart)
    assert words.text.startswith(f"[Image not found: {url} (localhost leads to an address that is not public")
    assert not connected.is_set()
    [sent] = [event.data.message for event in await deployment.log(chat.session_id) if event.type == "input.message"]
    assert sent.content == (ImagePart(url=url),)


async def test_a_file_of_the_workspace_is_shown_as_it_was_whoever_runs_the_session(deployment: Deployment) -> None:
    first, second = ScriptedModel(), ScriptedModel()
    chat = await deployment.converse(deployment.process(first))
    workspace = "SELECT workspace_id::text FROM sessions WHERE id = $1"
    found = await deployment.pool.fetchval(workspace, hex_of(chat.session_id))
    files = WorkspaceFiles(ours(deployment.pool), public_id("wsp", UUID(found)))
    await files.write("/a.png", PNG)
    await say(chat, ImagePart(url="workspace:/a.png"))
    await chat.turns_ended()
    await files.write("/a.png", b"GIF89a")
    await chat.process.kill()
    revived = await deployment.converse(deployment.process(second), chat.session_id)
    await revived.send("And?")
    await revived.turns_ended()
    assert shown(first) == shown(second) == (ImagePart(base64=b64encode(PNG).decode(), media_type="image/png"),)


async def test_a_session_keeps_pictures_up_to_a_limit_and_words_beyond_it(deployment: Deployment) -> None:
    session_id, message = await deployment.new_session(), new_id("message")
    store = ShownImageStore(ours(deployment.pool), session_id, most_bytes=2 * len(PNG))
    kept = [await store.keep(message, f"https://example.com/{name}", Fetched(PNG)) for name in "abca"]
    assert kept[:2] == [Fetched(PNG)] * 2
    assert kept[2].content is None
    assert "[Image left out: " in kept[2].words
    assert kept[3] == Fetched(PNG)  # it was kept before
    assert await store.fetched(message, "https://example.com/c") == kept[2]


async def test_what_was_fetched_for_a_message_is_the_same_for_whoever_runs_its_session(deployment: Deployment) -> None:
    url = "https://pictures.invalid/cat.png"
    first, second = ScriptedModel(), ScriptedModel()
    chat = await deployment.converse(deployment.process(first))
    message = Message(id=new_id("message"), role=Role.USER, content=(ImagePart(url=url),), created_at=timestamp())
    await ShownImageStore(ours(deployment.pool), chat.session_id).keep(message.id, url, Fetched(PNG))
    await chat.ask(Send(Input(message=message)))
    await chat.turns_ended()
    await chat.process.kill()
    revived = await deployment.converse(deployment.process(second), chat.session_id)
    await revived.send("And?")
    await revived.turns_ended()
    picture = ImagePart(base64=b64encode(PNG).decode(), media_type="image/png")
    assert shown(first) == shown(second) == (picture,)
