"""Passwords, refresh tokens, and those who try them again and again."""

import asyncio

import msgspec
import pytest

from runtime.core.errors import LimitExceededError, UnauthenticatedError
from runtime.core.ids import hex_of
from runtime.identity.identity import Identity
from runtime.identity.sign_in import ACCESS_S, ACCOUNT_ATTEMPTS, ADDRESS_ATTEMPTS
from runtime.ports.identity import Initiator, User
from runtime.store.pool import Pool
from runtime.wiring.access import Access
from tests.identity import PASSWORD

AGE = "UPDATE logins SET rotated_at = rotated_at - interval '11 seconds'"


@pytest.fixture
async def ada(identity: Identity, by: Initiator) -> User:
    return await identity.accounts.register("ada@example.org", PASSWORD, "Ada", by)


async def refusal(identity: Identity, token: str, by: Initiator) -> str:
    with pytest.raises(UnauthenticatedError) as caught:
        await identity.sign_in.refresh(token, by)
    return caught.value.reason


async def revoked_for(db: Pool, user: User) -> list[str | None]:
    rows = await db.fetch("SELECT revoked_for FROM logins WHERE user_id = $1 ORDER BY created_at", hex_of(user.id))
    return [row["revoked_for"] for row in rows]


@pytest.mark.parametrize(("email", "password"), [("ada@example.org", "wrong"), ("eve@example.org", PASSWORD)])
async def test_an_unknown_address_and_a_wrong_password_are_told_alike(
    identity: Identity, ada: User, by: Initiator, email: str, password: str
) -> None:
    assert ada.has_password
    with pytest.raises(UnauthenticatedError) as caught:
        await identity.sign_in.with_password(email, password, by)
    assert caught.value.reason == "invalid_credentials"


async def test_a_user_without_a_password_has_none_to_guess(identity: Identity, by: Initiator) -> None:
    await identity.accounts.create_administrator("root@example.org", "", None, by)
    for password in ("", "nobody's", "None"):
        with pytest.raises(UnauthenticatedError):
            await identity.sign_in.with_password("root@example.org", password, by)


async def test_after_five_wrong_passwords_even_the_right_one_has_to_wait(
    identity: Identity, ada: User, by: Initiator, db: Pool
) -> None:
    email = str(ada.email)
    for n in range(ACCOUNT_ATTEMPTS):
        with pytest.raises(UnauthenticatedError):
            await identity.sign_in.with_password(email, "wrong", msgspec.structs.replace(by, address=f"192.0.2.{n}"))
    with pytest.raises(LimitExceededError) as caught:
        await identity.sign_in.with_password(email.upper(), PASSWORD, by)
    assert caught.value.reason == "too_many_attempts"
    assert 0 < caught.value.retry_after_s <= 1
    await db.execute("UPDATE login_attempts SET blocked_until = now()")
    assert (await identity.sign_in.with_password(email, PASSWORD, by)).expires_in == ACCESS_S


async def test_each_further_failure_doubles_the_wait(identity: Identity, ada: User, by: Initiator, db: Pool) -> None:
    waits = []
    for _ in range(ACCOUNT_ATTEMPTS + 4):
        with pytest.raises(UnauthenticatedError):
            await identity.sign_in.with_password(str(ada.email), "wrong", by)
        waits.append(
            await db.fetchval(
                "SELECT extract(epoch FROM blocked_until - last_at)::int FROM login_attempts "
                "WHERE subject LIKE 'account%'"
            )
        )
        await db.execute("UPDATE login_attempts SET blocked_until = now()")
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16]


async def test_attempts_that_come_at_once_are_counted_before_they_are_made(
    identity: Identity, ada: User, by: Initiator
) -> None:
    tries = [identity.sign_in.with_password(str(ada.email), "wrong", by) for _ in range(30)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, UnauthenticatedError) for one in done) == ACCOUNT_ATTEMPTS


async def test_whoever_tries_many_accounts_from_one_network_has_to_wait(identity: Identity, by: Initiator) -> None:
    refused = 0
    for n in range(ADDRESS_ATTEMPTS + 1):
        here = msgspec.structs.replace(by, address=f"2001:db8::{n:x}")
        try:
            await identity.sign_in.with_password(f"u{n}@example.org", "wrong", here)
        except LimitExceededError:
            refused += 1
        except UnauthenticatedError:
            continue
    assert refused == 1


async def test_a_login_takes_its_own_attempt_back(identity: Identity, ada: User, by: Initiator) -> None:
    for _ in range(ACCOUNT_ATTEMPTS * 3):
        await identity.sign_in.with_password(str(ada.email), PASSWORD, by)


async def test_an_outdated_hash_is_renewed_by_a_login(identity: Identity, ada: User, by: Initiator, db: Pool) -> None:
    from argon2 import PasswordHasher  # noqa: PLC0415

    old = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD)
    await identity.accounts.users.rehash(ada.id, old)
    await identity.sign_in.with_password(str(ada.email), PASSWORD, by)
    assert await db.fetchval("SELECT password_hash FROM users WHERE id = $1", hex_of(ada.id)) != old
    await identity.sign_in.with_password(str(ada.email), PASSWORD, by)


async def test_a_refresh_token_is_replaced_by_its_use(identity: Identity, ada: User, by: Initiator, db: Pool) -> None:
    first = await identity.sign_in.begin(ada, by)
    second = await identity.sign_in.refresh(first.refresh_token, by)
    third = await identity.sign_in.refresh(second.refresh_token, by)
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    assert await revoked_for(db, ada) == [None]


async def test_a_second_attempt_within_ten_seconds_gets_the_same_successor(
    identity: Identity, ada: User, by: Initiator
) -> None:
    first = await identity.sign_in.begin(ada, by)
    second = await identity.sign_in.refresh(first.refresh_token, by)
    again = await identity.sign_in.refresh(first.refresh_token, by)
    assert again.refresh_token == second.refresh_token
    assert (await identity.sign_in.refresh(again.refresh_token, by)).refresh_token


async def test_tabs_that_refresh_at_the_same_moment_all_go_on(identity: Identity, ada: User, by: Initiator) -> None:
    first = await identity.sign_in.begin(ada, by)
    grants = await asyncio.gather(*(identity.sign_in.refresh(first.refresh_token, by) for _ in range(8)))
    assert len({grant.refresh_token for grant in grants}) == 1


@pytest.mark.parametrize("generations", [1, 2, 5])
async def test_a_token_that_comes_again_later_ends_the_login_for_everybody(
    access: Access, ada: User, by: Initiator, db: Pool, generations: int
) -> None:
    identity = access.identity
    first = await identity.sign_in.begin(ada, by)
    newest = first
    for _ in range(generations):
        newest = await identity.sign_in.refresh(newest.refresh_token, by)
    await db.execute(AGE)

    assert await refusal(identity, first.refresh_token, by) == "invalid_refresh_token"

    assert await revoked_for(db, ada) == ["reused"]
    assert await refusal(identity, newest.refresh_token, by) == "invalid_refresh_token"
    noted = await db.fetchrow("SELECT user_id, subject_id, address FROM audit WHERE action = 'login.reused'")
    assert noted is not None
    assert (noted["user_id"].hex, noted["address"]) == (hex_of(ada.id), by.address)


async def test_those_who_bring_an_old_token_at_once_are_all_told_the_same(
    identity: Identity, ada: User, by: Initiator, db: Pool
) -> None:
    first = await identity.sign_in.begin(ada, by)
    await identity.sign_in.refresh(first.refresh_token, by)
    await db.execute(AGE)
    tries = (identity.sign_in.refresh(first.refresh_token, by) for _ in range(8))
    assert {type(one) for one in await asyncio.gather(*tries, return_exceptions=True)} == {UnauthenticatedError}


async def test_a_token_that_only_names_a_login_does_not_end_it(
    identity: Identity, ada: User, by: Initiator, db: Pool
) -> None:
    grant = await identity.sign_in.begin(ada, by)
    head = grant.refresh_token[: len("evr_rt_") + 20]  # the login's id, which its owner's administrators may see
    for forged in (
        head + "A" * (len(grant.refresh_token) - len(head)),
        "evr_rt_",
        "",
        "evr_rt_é",
        "evr_pat_" + "0" * 43,
    ):
        assert await refusal(identity, forged, by) == "invalid_refresh_token"
    assert await revoked_for(db, ada) == [None]


async def test_a_login_ends_with_its_time_and_its_user(identity: Identity, ada: User, by: Initiator, db: Pool) -> None:
    await identity.accounts.create_administrator("root@example.org", "", None, by)
    grant = await identity.sign_in.begin(ada, by)
    await identity.accounts.users.change(ada.id, {"status": "disabled"}, by)
    assert await refusal(identity, grant.refresh_token, by) == "invalid_refresh_token"
    await identity.accounts.users.change(ada.id, {"status": "active"}, by)
    await db.execute("UPDATE logins SET expires_at = now()")
    assert await refusal(identity, grant.refresh_token, by) == "invalid_refresh_token"


async def test_another_password_ends_all_logins(identity: Identity, ada: User, by: Initiator, db: Pool) -> None:
    grant = await identity.sign_in.begin(ada, by)
    await identity.accounts.set_password(ada, "another password", by)
    assert await refusal(identity, grant.refresh_token, by) == "invalid_refresh_token"
    assert await revoked_for(db, ada) == ["password_changed"]


async def test_nothing_of_a_refresh_token_is_kept(identity: Identity, ada: User, by: Initiator, db: Pool) -> None:
    grant = await identity.sign_in.begin(ada, by)
    row = await db.fetchrow("SELECT l::text AS row FROM logins AS l")
    assert row is not None
    assert grant.refresh_token[-20:] not in row["row"]
