"""What the supervisor does of a session actor's secrets, and for whom."""

import pytest

from actors.member import Member
from actors.vault import ActorVault, Keeper
from runtime.core.errors import ForbiddenError, SecretUnreadableError
from runtime.core.ids import hex_of
from runtime.core.placement.directory import Address, Directory, Placement
from runtime.ports.vault import Place
from runtime.vault.envelope import seal
from tests.tenancy import RING, VAULT

KEY = bytes(32)
HERE, THERE = f"session_{1:032x}", f"session_{2:032x}"
ORG = f"{3:032x}"
SPEAKER = f"{5:032x}"


def place(row: str, org_id: str = ORG) -> Place:
    return Place(org_id, "secrets", row, "envelope")


OWN = place(f"session/{hex_of(HERE)}/A")


class Line(ActorVault):
    """An actor's vault whose questions reach a keeper directly."""

    def __init__(self, keeper: Keeper, name: str = "actor", key: bytes = KEY) -> None:
        super().__init__(name, key, None)  # type: ignore[arg-type]  # nobody is looked for
        self._keeper = keeper
        self.seen: list[bytes] = []

    async def _answered(self, wish: bytes) -> bytes:
        answer = await self._keeper.answer("actor", KEY, wish)
        self.seen += [wish, answer]
        return answer


class Restarting(ActorVault):
    """An actor's vault whose supervisor has just been started again, and does not know the actor yet."""

    def __init__(self, keeper: Keeper) -> None:
        super().__init__("actor", KEY, None)  # type: ignore[arg-type]  # nobody is looked for
        self._keeper = keeper
        self._member = Member("actor", None, 2.5, 0.5, lambda _: None, lambda _: None)

    async def _unlocked(self, wish: bytes) -> bytes:
        try:
            return await self._keeper.answer("actor", self._member.key, wish)
        finally:
            self._member.address = Address("127.0.0.1", 1, KEY)


class Belongings:
    """One session, in which one user speaks."""

    async def org_of(self, session_id: str) -> str | None:
        return ORG if session_id == HERE else None

    async def speaks(self, session_id: str, user: str) -> bool:
        return (session_id, user) == (HERE, SPEAKER)


@pytest.fixture
def keeper() -> Keeper:
    directory = Directory()
    directory.note(Placement(HERE, 1, "actor"))
    directory.note(Placement(THERE, 1, "another"))

    return Keeper(VAULT, directory, Belongings())


async def test_a_session_seals_and_opens_its_own(keeper: Keeper) -> None:
    line = Line(keeper)
    sealed = await line.of(HERE).seal(OWN, "a private value")
    assert sealed.fingerprint == seal(RING, OWN, "a private value").fingerprint
    assert await line.of(HERE).open(OWN, sealed.envelope) == "a private value"
    assert not any(b"private" in said for said in line.seen)


async def test_a_supervisor_that_does_not_know_the_actor_yet_is_asked_again(keeper: Keeper) -> None:
    assert await Restarting(keeper).of(HERE).open(OWN, seal(RING, OWN, "v").envelope) == "v"


async def test_what_its_organisation_shares_opens_too(keeper: Keeper) -> None:
    shared = place("provider/1/key")
    assert await Line(keeper).of(HERE).open(shared, seal(RING, shared, "v").envelope) == "v"


async def test_an_account_of_who_speaks_in_a_session_opens_there_and_is_not_made_there(keeper: Keeper) -> None:
    account = place(f"connection/{SPEAKER}/github")
    assert await Line(keeper).of(HERE).open(account, seal(RING, account, "v").envelope) == "v"
    with pytest.raises(ForbiddenError):
        await Line(keeper).of(HERE).seal(account, "v")


@pytest.mark.parametrize(
    ("session_id", "where"),
    [
        (HERE, place(f"session/{hex_of(THERE)}/A")),
        (HERE, place(f"layer/{hex_of(THERE)}/A")),
        (HERE, place(f"connection/{1:032x}/github")),
        (THERE, place(f"connection/{SPEAKER}/github")),
        (HERE, place(f"connection/{SPEAKER}/github", f"{4:032x}")),
        (HERE, place(f"session/{hex_of(HERE)}/A", f"{4:032x}")),
        (THERE, place(f"session/{hex_of(THERE)}/A")),
        (f"session_{9:032x}", place(f"session/{9:032x}/A")),
    ],
)
async def test_what_is_of_others_stays_closed(keeper: Keeper, session_id: str, where: Place) -> None:
    with pytest.raises(ForbiddenError):
        await Line(keeper).of(session_id).open(where, seal(RING, where, "v").envelope)


@pytest.mark.parametrize(("name", "key"), [("actor", bytes(31) + b"x"), ("another", KEY)])
async def test_nobody_asks_in_an_actors_name_without_its_key(keeper: Keeper, name: str, key: bytes) -> None:
    with pytest.raises(ForbiddenError, match="did not ask"):
        await Line(keeper, name, key).of(HERE).seal(OWN, "v")


@pytest.mark.parametrize("asked", [b"", b"x" * 12, b"x" * 100])
async def test_noise_is_refused(keeper: Keeper, asked: bytes) -> None:
    with pytest.raises(ForbiddenError):
        await keeper.answer("actor", KEY, asked)


async def test_what_does_not_open_is_said(keeper: Keeper) -> None:
    elsewhere = seal(RING, place("provider/1/key"), "v").envelope
    with pytest.raises(SecretUnreadableError):
        await Line(keeper).of(HERE).open(OWN, elsewhere)
