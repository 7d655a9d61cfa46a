"""From a token to a principal: remembered, and forgotten in time."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from runtime.core.access.principal import DEFAULT_ORG
from runtime.core.access.roles import MemberRole, Scope
from runtime.core.errors import NotFoundError, StoreUnavailableError, UnauthenticatedError
from runtime.core.ids import hex_of
from runtime.identity import authenticator as authenticators
from runtime.identity.authenticator import RememberingAuthenticator
from runtime.identity.credentials import TokenReader
from runtime.identity.identity import Identity
from runtime.ports.access import Shown
from runtime.ports.identity import Initiator, User
from runtime.process.mint import now
from runtime.store.identity.standings import StandingStore
from runtime.store.pool import Pool
from runtime.wiring.access import Access
from tests.identity import PASSWORD


class CountingStandings(StandingStore):
    """Counts what costs a query."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self.asked = 0
        self.meanwhile: Callable[[], Any] | None = None  # is done once, behind the next look-up of a token

    async def of_token(self, digest: bytes) -> Any:
        self.asked += 1
        found = await super().of_token(digest)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return found


@dataclass
class Door:
    """An authenticator, and what it told."""

    standings: CountingStandings
    authenticator: RememberingAuthenticator
    ended: set[str] = field(default_factory=set)

    def hear(self, ended: Collection[str]) -> None:
        self.ended.update(ended)


@pytest.fixture
def door(acting: Pool) -> Door:
    standings = CountingStandings(acting)
    door = Door(standings, RememberingAuthenticator(standings, [TokenReader(standings)], most=3))
    door.authenticator.on_revoked(door.hear)
    return door


@pytest.fixture
async def ada(identity: Identity, by: Initiator) -> User:
    return await identity.accounts.register("ada@example.org", PASSWORD, "Ada", by)


async def issued(identity: Identity, user: User, by: Initiator, **more: Any) -> tuple[str, Shown]:
    token, key = await identity.minting.issue(user.id, "test", by, **more)
    return token.id, Shown(key)


async def refusal(door: Door, shown: Shown) -> str:
    with pytest.raises(UnauthenticatedError) as caught:
        await door.authenticator.principal(shown)
    return caught.value.reason


async def test_a_token_is_looked_up_once(identity: Identity, door: Door, ada: User, by: Initiator) -> None:
    token_id, shown = await issued(identity, ada, by)
    first = await door.authenticator.principal(shown)
    assert (first.user_id, first.org_id, first.credential_id) == (ada.id, DEFAULT_ORG, token_id)
    assert Scope.SYSTEM in first.scopes
    assert await door.authenticator.principal(Shown(str(shown.token))) is first
    assert door.standings.asked == 1


async def test_a_remembered_token_makes_nobody_wait(identity: Identity, door: Door, ada: User, by: Initiator) -> None:
    _, shown = await issued(identity, ada, by)
    await door.authenticator.principal(shown)
    with pytest.raises(StopIteration):  # a coroutine that waits for nothing ends at its first step
        door.authenticator.principal(shown).send(None)


@pytest.mark.parametrize("token", [None, "evr_pat_" + "0" * 43, "evr_", "nonsense", "a.b.c", "\ud800"])
async def test_what_nobody_was_given_is_nothing(door: Door, token: str | None) -> None:
    assert await refusal(door, Shown(token)) == ("unauthenticated" if token is None else "invalid_token")


async def test_a_revoked_token_is_forgotten_and_told_of_and_no_other(
    identity: Identity, door: Door, ada: User, by: Initiator
) -> None:
    revoked_id, revoked = await issued(identity, ada, by)
    _, kept = await issued(identity, ada, by)
    await door.authenticator.principal(revoked)
    await door.authenticator.principal(kept)
    await door.authenticator.catch_up()

    await identity.minting.revoke(ada.id, revoked_id, by)
    await door.authenticator.catch_up()

    assert door.ended == {revoked_id}
    assert await refusal(door, revoked) == "invalid_token"
    assert (await door.authenticator.principal(kept)).user_id == ada.id


async def test_what_is_revoked_while_it_is_looked_up_is_not_remembered(
    identity: Identity, door: Door, ada: User, by: Initiator
) -> None:
    token_id, shown = await issued(identity, ada, by)

    async def revoke() -> None:
        await identity.minting.revoke(ada.id, token_id, by)
        await door.authenticator.catch_up()

    door.standings.meanwhile = revoke
    assert await refusal(door, shown) == "invalid_token"
    assert door.standings.asked == 2


async def test_whoever_is_disabled_is_out_and_in_again_when_enabled(
    identity: Identity, door: Door, ada: User, by: Initiator
) -> None:
    await identity.accounts.create_administrator("root@example.org", "", None, by)
    token_id, shown = await issued(identity, ada, by)
    await door.authenticator.principal(shown)
    await identity.accounts.users.change(ada.id, {"status": "disabled"}, by)
    await door.authenticator.catch_up()
    assert door.ended == {token_id}
    assert await refusal(door, shown) == "invalid_token"
    await identity.accounts.users.change(ada.id, {"status": "active"}, by)
    assert (await door.authenticator.principal(shown)).user_id == ada.id


async def test_another_role_counts_from_the_next_request_on(
    identity: Identity, door: Door, by: Initiator, ada: User
) -> None:
    assert ada.is_system_admin
    bob = await identity.accounts.create_member("bob@example.org", "", None, MemberRole.MEMBER, by)
    token_id, shown = await issued(identity, bob, by)
    assert (await door.authenticator.principal(shown)).role is MemberRole.MEMBER
    await identity.membership.organizations.appoint(DEFAULT_ORG, bob.id, MemberRole.VIEWER, by)
    await door.authenticator.catch_up()
    assert door.ended == {token_id}
    assert Scope.SESSIONS_WRITE not in (await door.authenticator.principal(shown)).scopes


async def test_a_token_reaches_each_organisation_of_its_user_and_no_other(
    identity: Identity, door: Door, by: Initiator, ada: User
) -> None:
    bob = await identity.accounts.register("bob@example.org", PASSWORD, "", by)
    _, shown = await issued(identity, bob, by)
    assert (await door.authenticator.principal(shown)).org_id == bob.home_org_id
    with pytest.raises(NotFoundError):
        await door.authenticator.principal(Shown(shown.token, ada.home_org_id))
    await identity.membership.organizations.add(DEFAULT_ORG, bob.id, MemberRole.VIEWER, by)
    assert (await door.authenticator.principal(Shown(shown.token, DEFAULT_ORG))).role is MemberRole.VIEWER
    assert (await door.authenticator.principal(Shown(shown.token))).role is MemberRole.OWNER


async def test_an_expired_token_is_nothing_though_it_is_remembered(
    identity: Identity, door: Door, ada: User, by: Initiator, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, shown = await issued(identity, ada, by, ends_at=now() + timedelta(hours=1))
    await door.authenticator.principal(shown)
    monkeypatch.setattr(authenticators, "now", lambda: now() + timedelta(hours=2))
    assert await refusal(door, shown) == "invalid_token"


async def test_what_expires_is_told_of(
    identity: Identity, door: Door, ada: User, by: Initiator, monkeypatch: pytest.MonkeyPatch
) -> None:
    token_id, shown = await issued(identity, ada, by, ends_at=now() + timedelta(hours=1))
    await door.authenticator.principal(shown)
    door.authenticator._expire()
    assert door.ended == set()
    monkeypatch.setattr(authenticators, "now", lambda: now() + timedelta(hours=2))
    door.authenticator._expire()
    assert door.ended == {token_id}


async def test_the_least_used_is_forgotten_and_must_be_shown_again(
    identity: Identity, door: Door, ada: User, by: Initiator
) -> None:
    shown = [await issued(identity, ada, by) for _ in range(4)]
    for _, one in shown[:3]:
        await door.authenticator.principal(one)
    await door.authenticator.principal(shown[0][1])  # used again, so it is not the one
    await door.authenticator.principal(shown[3][1])
    assert door.ended == {shown[1][0]}
    assert (await door.authenticator.principal(shown[1][1])).user_id == ada.id


async def test_while_the_database_is_away_the_known_come_in_and_the_unknown_wait(
    identity: Identity, door: Door, ada: User, by: Initiator, acting: Pool
) -> None:
    _, known = await issued(identity, ada, by)
    _, unknown = await issued(identity, ada, by)
    await door.authenticator.principal(known)
    await acting.close()
    with pytest.raises(StoreUnavailableError):
        await door.authenticator.catch_up()
    assert (await door.authenticator.principal(known)).user_id == ada.id
    with pytest.raises(StoreUnavailableError):
        await door.authenticator.principal(unknown)


async def test_use_is_noted_and_that_is_no_change_of_access(
    identity: Identity, door: Door, ada: User, by: Initiator, db: Pool
) -> None:
    token_id, shown = await issued(identity, ada, by)
    before = await door.standings.revision()
    await door.authenticator.principal(shown)
    await door.authenticator.note_used()
    assert await db.fetchval("SELECT last_used_at FROM tokens WHERE id = $1", hex_of(token_id)) is not None
    assert await door.standings.revision() == before


async def test_the_access_token_of_a_login_dies_with_it(access: Access, ada: User, by: Initiator) -> None:
    grant = await access.identity.sign_in.begin(ada, by)
    shown = Shown(grant.access_token)
    principal = await access.authenticator.principal(shown)
    assert principal.user_id == ada.id
    await access.identity.sign_in.end(ada.id, str(principal.credential_id), by)
    assert access.watched is not None
    await access.watched.catch_up()
    with pytest.raises(UnauthenticatedError):
        await access.authenticator.principal(shown)


async def test_a_refresh_token_is_no_access_token(access: Access, ada: User, by: Initiator) -> None:
    grant = await access.identity.sign_in.begin(ada, by)
    with pytest.raises(UnauthenticatedError):
        await access.authenticator.principal(Shown(grant.refresh_token))
