"""What a process has in memory of pictures is bounded for all its sessions together."""

from runtime.core.message import ImagePart, Message, Role, Turned
from runtime.engine.album import MESSAGE_BYTES, Album


def shown(number: int, picture_bytes: int = 0) -> Turned:
    content = (ImagePart(base64="A" * picture_bytes),)
    return Turned(Message(id=f"message_{number}", role=Role.USER, content=content, created_at=""))


def test_what_was_shown_longest_ago_goes_first_whoevers_it_is() -> None:
    album = Album(2 * (MESSAGE_BYTES + 500))
    for number, session_id in enumerate(("one", "two")):
        album.keep(session_id, shown(number, 500))
    assert album.get("one", "message_0") is not None
    album.keep("three", shown(2, 500))
    assert album.get("two", "message_1") is None
    assert album.get("one", "message_0") is not None
    assert album.get("three", "message_2") is not None


def test_messages_without_pictures_are_bounded_too() -> None:
    album = Album(10 * MESSAGE_BYTES)
    for number in range(100):
        album.keep("one", shown(number))
    assert sum(album.get("one", f"message_{number}") is not None for number in range(100)) == 10


def test_one_that_is_larger_than_all_is_kept_alone() -> None:
    album = Album(1)
    album.keep("one", shown(0))
    album.keep("one", shown(1, 10))
    assert album.get("one", "message_0") is None
    assert album.get("one", "message_1") == shown(1, 10)


def test_a_session_that_leaves_takes_its_messages_along_and_makes_room() -> None:
    album = Album(2 * MESSAGE_BYTES)
    for number in (0, 1, 1):
        album.keep("one", shown(number))
    album.drop("one")
    album.drop("one")
    assert album.get("one", "message_0") is None
    for number in (0, 1):
        album.keep("two", shown(number))
    assert album.get("two", "message_0") is not None
