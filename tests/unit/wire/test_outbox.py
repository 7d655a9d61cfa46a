import asyncio

from runtime.wire.outbox import Outbox


async def is_left_waiting(box: Outbox[str]) -> bool:
    taking = asyncio.create_task(box.take())
    for _ in range(5):
        await asyncio.sleep(0)
    if taking.done():
        return False
    taking.cancel()
    return True


async def test_all_that_has_piled_up_is_taken_together() -> None:
    box: Outbox[str] = Outbox(10)
    box.put("a")
    box.put("b")

    assert await box.take() == ["a", "b"]
    assert await is_left_waiting(box)


async def test_a_reader_that_falls_behind_is_cut_off() -> None:
    box: Outbox[str] = Outbox(1)
    box.put("a")
    box.put("b")
    box.put("c")

    assert box.is_closed
    assert await box.take() == []


async def test_what_was_cleared_is_not_to_be_had() -> None:
    box: Outbox[str] = Outbox(10)
    box.put("a")
    box.clear()

    assert await is_left_waiting(box)
