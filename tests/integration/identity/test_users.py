"""Users in the database: who is first, who is last, and what is left of whom."""

import asyncio
import json

import pytest

from runtime.core.access.principal import DEFAULT_ORG
from runtime.core.access.roles import MemberRole
from runtime.core.authored.definition import SessionDefinition
from runtime.core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from runtime.core.ids import hex_of
from runtime.identity.identity import Identity
from runtime.ports.identity import Initiator
from runtime.ports.secrets import Kind
from runtime.ports.sessions import NewSession
from runtime.process.mint import new_id
from runtime.store.harnesses import HarnessStore
from runtime.store.identity.users import UserStore
from runtime.store.pool import Pool
from runtime.store.rows import public_id
from tests.identity import PASSWORD
from tests.tenancy import ours, secrets_in, sessions_in


async def opened(db: Pool, org_id: str, user_id: str) -> str:
    """Open a session of a user, and return its id."""
    await HarnessStore(ours(db, org_id)).provision()
    harness_id = await db.fetchval("SELECT id FROM harnesses WHERE org_id = $1 LIMIT 1", hex_of(org_id))
    new = NewSession(
        id=new_id("session"),
        harness_id=public_id("harness", harness_id),
        workspace_id=new_id("wsp"),
        owns_workspace=True,
        definition=SessionDefinition(),
    )
    await sessions_in(db, org_id, user_id).create(new)
    return new.id


async def test_the_first_to_register_administers_and_the_second_has_an_organisation_of_their_own(
    identity: Identity, by: Initiator, db: Pool
) -> None:
    ada = await identity.accounts.register("ada@example.org", PASSWORD, "Ada", by)
    bob = await identity.accounts.register("bob@example.org", PASSWORD, "Bob", by)
    assert (ada.is_system_admin, ada.home_org_id) == (True, DEFAULT_ORG)
    assert (bob.is_system_admin, bob.home_org_id == DEFAULT_ORG) == (False, False)
    assert bob.home_org_id is not None
    [member] = await identity.membership.organizations.members(bob.home_org_id)
    assert (member.user_id, member.role) == (bob.id, MemberRole.OWNER)
    built_in = await db.fetchval("SELECT count(*) FROM harnesses WHERE org_id = $1", hex_of(bob.home_org_id))
    assert built_in > 0


async def test_of_many_who_are_first_at_once_one_is(identity: Identity, by: Initiator) -> None:
    everybody = [identity.accounts.register(f"u{n}@example.org", PASSWORD, "", by) for n in range(6)]
    made = await asyncio.gather(*everybody)
    assert sum(user.is_system_admin for user in made) == 1


async def test_an_administrator_by_command_line_is_the_first(identity: Identity, by: Initiator) -> None:
    await identity.accounts.create_administrator("ada@example.org", "", None, by)
    assert not (await identity.accounts.register("bob@example.org", PASSWORD, "", by)).is_system_admin


async def test_an_address_is_one_whatever_its_case(identity: Identity, by: Initiator) -> None:
    await identity.accounts.register("Ada@Example.org", PASSWORD, "", by)
    with pytest.raises(ConflictError) as caught:
        await identity.accounts.register("ada@example.ORG", PASSWORD, "", by)
    assert caught.value.reason == "email_in_use"
    found = await identity.accounts.users.find("ADA@EXAMPLE.ORG")
    assert found is not None
    assert found[0].email == "Ada@Example.org"


async def test_what_cannot_be_stored_is_refused(identity: Identity, by: Initiator) -> None:
    with pytest.raises(InvalidInputError):
        await identity.accounts.register("ada@example.org", PASSWORD, "A\0da", by)


async def test_an_erased_user_is_an_id_and_nothing_else(identity: Identity, by: Initiator, db: Pool) -> None:
    await identity.accounts.create_administrator("root@example.org", "", None, by)
    ada = await identity.accounts.register("ada@example.org", PASSWORD, "Ada Lovelace", by)
    await identity.sign_in.begin(ada, by)
    await identity.minting.issue(ada.id, "laptop", by)
    for org_id in (DEFAULT_ORG, str(ada.home_org_id)):
        await secrets_in(db, Kind.CONNECTION, ada.id, org_id).put({"github": "key"})
        pinned = await opened(db, org_id, ada.id)
        await sessions_in(db, org_id, ada.id).pin(pinned, is_pinned=True)

    await identity.accounts.erase(ada.id, by)

    for table in ("tokens", "logins", "members", "user_identities", "secrets", "pins"):
        counted = f"SELECT count(*) FROM {table} WHERE user_id = $1"
        assert await db.fetchval(counted, hex_of(ada.id)) == 0
    for table in ("users", "audit", "organizations"):
        rows = await db.fetch(f"SELECT t::text AS row FROM {table} AS t")
        assert rows
        assert not [row for row in rows if "ada@" in row["row"] or "Lovelace" in row["row"]]
    assert await db.fetchval("SELECT status FROM users WHERE id = $1", hex_of(ada.id)) == "erased"
    with pytest.raises(NotFoundError):
        await identity.accounts.users.get(ada.id)
    assert (await identity.accounts.register("ada@example.org", PASSWORD, "", by)).id != ada.id


async def test_an_organisation_that_nobody_is_left_in_is_deleted_with_its_last_member(
    identity: Identity, by: Initiator, db: Pool
) -> None:
    await identity.accounts.create_administrator("root@example.org", "", None, by)
    ada = await identity.accounts.register("ada@example.org", PASSWORD, "", by)
    assert ada.home_org_id is not None
    await secrets_in(db, Kind.PROVIDER, new_id("provider"), ada.home_org_id).put({"api_key": "key"})
    await opened(db, ada.home_org_id, ada.id)

    await identity.accounts.erase(ada.id, by)

    assert await db.fetchval("SELECT count(*) FROM secrets WHERE org_id = $1", hex_of(ada.home_org_id)) == 0
    assert await db.fetchval("SELECT deleted_at FROM organizations WHERE id = $1", hex_of(ada.home_org_id))
    assert not await db.fetchval("SELECT deleted_at FROM organizations WHERE id = $1", hex_of(DEFAULT_ORG))


async def test_a_member_who_leaves_takes_their_accounts_elsewhere_along(
    identity: Identity, by: Initiator, db: Pool
) -> None:
    await identity.accounts.create_administrator("root@example.org", "", None, by)
    bob = await identity.accounts.create_member("bob@example.org", "", None, MemberRole.MEMBER, by)
    ada = await identity.accounts.register("ada@example.org", PASSWORD, "", by)
    await identity.membership.organizations.add(str(ada.home_org_id), bob.id, MemberRole.MEMBER, by)
    for org_id in (DEFAULT_ORG, str(ada.home_org_id)):
        await secrets_in(db, Kind.CONNECTION, bob.id, org_id).put({"github": "key"})
        pinned = await opened(db, org_id, bob.id)
        await sessions_in(db, org_id, bob.id).pin(pinned, is_pinned=True)
    await identity.membership.organizations.remove(str(ada.home_org_id), bob.id, by)
    for table in ("secrets", "pins"):
        kept = await db.fetch(f"SELECT org_id FROM {table} WHERE user_id = $1", hex_of(bob.id))
        assert [public_id("org", row["org_id"]) for row in kept] == [DEFAULT_ORG]


@pytest.mark.parametrize("way", ["erase", "disable", "appoint", "remove"])
async def test_the_last_owner_of_others_stays(identity: Identity, by: Initiator, way: str) -> None:
    await identity.accounts.create_administrator("root@example.org", "", None, by)
    ada = await identity.accounts.register("ada@example.org", PASSWORD, "", by)
    bob = await identity.accounts.create_member("bob@example.org", "", None, MemberRole.MEMBER, by)
    organizations, org_id = identity.membership.organizations, str(ada.home_org_id)
    await organizations.add(org_id, bob.id, MemberRole.ADMIN, by)

    async def go() -> None:
        if way == "erase":
            await identity.accounts.erase(ada.id, by)
        elif way == "disable":
            await identity.accounts.users.change(ada.id, {"status": "disabled"}, by)
        elif way == "appoint":
            await organizations.appoint(org_id, ada.id, MemberRole.MEMBER, by)
        else:
            await organizations.remove(org_id, ada.id, by)

    with pytest.raises(ConflictError) as caught:
        await go()
    assert caught.value.reason == "last_owner"
    assert (await organizations.member(org_id, ada.id)).role is MemberRole.OWNER
    assert (await identity.accounts.users.get(ada.id)).status == "active"
    await organizations.appoint(org_id, bob.id, MemberRole.OWNER, by)
    await go()


async def test_two_owners_who_send_each_other_away_do_not_both_go(identity: Identity, by: Initiator) -> None:
    ada = await identity.accounts.create_administrator("ada@example.org", "", None, by)
    bob = await identity.accounts.create_administrator("bob@example.org", "", None, by)
    organizations = identity.membership.organizations
    await organizations.remove(DEFAULT_ORG, (await identity.accounts.users.list())[0].id, by)  # the anonymous one

    done = await asyncio.gather(
        organizations.remove(DEFAULT_ORG, ada.id, by),
        organizations.remove(DEFAULT_ORG, bob.id, by),
        return_exceptions=True,
    )

    assert [type(one) for one in done if one is not None] == [ConflictError]
    assert len(await organizations.members(DEFAULT_ORG)) == 1


async def test_whoever_is_nobody_cannot_be_erased(identity: Identity, by: Initiator) -> None:
    anonymous = (await identity.accounts.users.list())[0]
    with pytest.raises(ForbiddenError):
        await identity.accounts.erase(anonymous.id, by)


async def test_an_export_holds_all_that_is_kept_and_nothing_secret(identity: Identity, by: Initiator, db: Pool) -> None:
    ada = await identity.accounts.register("ada@example.org", PASSWORD, "Ada", by)
    grant = await identity.sign_in.begin(ada, by)
    _, key = await identity.minting.issue(ada.id, "laptop", by)
    session_id = await opened(db, DEFAULT_ORG, ada.id)
    await sessions_in(db, DEFAULT_ORG, ada.id).pin(session_id, is_pinned=True)
    await secrets_in(db, Kind.CONNECTION, ada.id).put({"github": "ghp_secret"})

    found = await UserStore(db).export(ada.id)  # as the command line does, whom no policy stops

    assert found["user"]["email"] == "ada@example.org"
    assert [token["name"] for token in found["tokens"]] == ["laptop"]
    assert [login["address"] for login in found["logins"]] == ["192.0.2.7"]
    assert [membership["org_id"] for membership in found["memberships"]] == [DEFAULT_ORG]
    assert [(one["org_id"], one["name"]) for one in found["connections"]] == [(DEFAULT_ORG, "github")]
    assert found["pins"] == [{"org_id": DEFAULT_ORG, "session_id": session_id}]
    written = json.dumps(found)
    assert "ghp_secret" not in written
    assert "envelope" not in written
    assert "digest" not in written
    assert "argon2" not in written
    assert key not in written
    assert grant.refresh_token not in written
