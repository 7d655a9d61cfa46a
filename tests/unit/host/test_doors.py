"""The front doors of a host: who hears what, and until when."""

from runtime.host.doors import Doors
from runtime.ports.gateway import Frame
from runtime.wire.protocol import Answer, Delivery

FRAME = Frame(1, "turn.started", "event_1", b"{}")


async def test_events_go_to_whoever_watches_and_answers_to_whoever_asked() -> None:
    doors = Doors()
    boxes = {name: doors.attach(name) for name in ("a", "b", "c")}
    doors.watch("s", "a")
    doors.watch("s", "b")
    doors.watch("s", "gone")
    doors.unwatch("s", "b")
    doors.deliver("s", 3, (FRAME,))
    for name in boxes:
        doors.answer(name, Answer(7, name))
    doors.answer("gone", Answer(7, None))
    heard = {name: await box.take() for name, box in boxes.items()}
    assert heard == {"a": [Delivery("s", 3, (FRAME,)), Answer(7, "a")], "b": [Answer(7, "b")], "c": [Answer(7, "c")]}


async def test_a_front_door_that_attaches_anew_ends_the_older_box_and_watches_nothing() -> None:
    doors = Doors()
    old = doors.attach("a")
    doors.watch("s", "a")
    new = doors.attach("a")
    assert old.is_closed
    doors.deliver("s", 3, (FRAME,))
    doors.watch("s", "a")
    doors.detach("a", old)  # its connection ends only now
    doors.deliver("s", 4, (FRAME,))
    assert await new.take() == [Delivery("s", 4, (FRAME,))]


async def test_who_watched_a_session_that_left_must_say_so_again() -> None:
    doors = Doors()
    box = doors.attach("a")
    doors.watch("s", "a")
    doors.leave("s")
    doors.deliver("s", 3, (FRAME,))
    doors.answer("a", Answer(1, None))
    assert await box.take() == [Answer(1, None)]


async def test_nothing_is_kept_for_a_front_door_that_died() -> None:
    doors = Doors()
    box = doors.attach("a")
    doors.watch("s", "a")
    doors.deliver("s", 3, (FRAME,))
    doors.forget("a")
    doors.deliver("s", 4, (FRAME,))
    doors.close()
    assert not box.is_closed, "it is left hanging, for nobody will ever read it"
    box.close()
    assert await box.take() == []
