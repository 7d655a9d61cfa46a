"""How a session stands with a host, cell by cell."""

import pytest

from runtime.host.residence import NEXT, Happening, Residence, after

# Written down once more, by what happens.
MOVES = {
    Happening.ASKED_FOR: {Residence.ABSENT: Residence.WAKING},
    Happening.READ: {Residence.WAKING: Residence.LIVE},
    Happening.NOT_READ: {Residence.WAKING: Residence.ABSENT},
    Happening.OVERTAKEN: {Residence.LIVE: Residence.ABSENT},
    Happening.LET_GO: dict.fromkeys((Residence.ABSENT, Residence.WAKING, Residence.LIVE), Residence.LEAVING),
    Happening.NOTED: {Residence.LEAVING: Residence.ABSENT},
}


@pytest.mark.parametrize("happening", Happening)
@pytest.mark.parametrize("residence", Residence)
def test_a_move_of_the_table_is_made_and_any_other_is_a_bug(residence: Residence, happening: Happening) -> None:
    target = MOVES[happening].get(residence)
    if target is not None:
        assert after(residence, happening) is target
        return
    with pytest.raises(RuntimeError, match=f"{residence} cannot be {happening}"):
        after(residence, happening)


def test_who_leaves_does_not_come_back_before_that_is_noted() -> None:
    assert {happening for residence, happening in NEXT if residence is Residence.LEAVING} == {Happening.NOTED}


def test_whoever_is_held_is_told_of_or_overtaken_or_could_not_be_read() -> None:
    """Nobody vanishes in another way."""
    ways = {(residence, happening) for (residence, happening), target in NEXT.items() if target is Residence.ABSENT}
    assert ways == {
        (Residence.WAKING, Happening.NOT_READ),
        (Residence.LIVE, Happening.OVERTAKEN),
        (Residence.LEAVING, Happening.NOTED),
    }
