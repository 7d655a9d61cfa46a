"""What a server sees to before it serves, by its mode."""

from pathlib import Path

import pytest

from runtime.core.access.principal import DEFAULT_ORG
from runtime.core.access.roles import MemberRole
from runtime.core.errors import UnauthenticatedError
from runtime.ports.identity import Initiator, User
from runtime.store.pool import Pool
from runtime.wiring.access import Access
from tests.identity import ADMIN, PASSWORD, access_to

EMAIL = ADMIN["auth_admin_email"]


async def administrator(access: Access) -> User:
    found = await access.identity.accounts.users.find(EMAIL)
    assert found is not None
    return found[0]


async def role_of(access: Access, user: User) -> MemberRole:
    return (await access.identity.membership.organizations.member(DEFAULT_ORG, user.id)).role


async def test_the_administrator_of_the_settings_is_made_once(acting: Pool, tmp_path: Path) -> None:
    for _ in range(2):
        access = await access_to(acting, tmp_path, "admin")
        ada = await administrator(access)
        assert (ada.is_system_admin, await role_of(access, ada)) == (True, MemberRole.OWNER)
    assert len([user for user in await access.identity.accounts.users.list() if user.email]) == 1


async def test_another_password_in_the_settings_ends_the_logins_of_the_one_before(
    acting: Pool, tmp_path: Path, by: Initiator
) -> None:
    access = await access_to(acting, tmp_path, "admin")
    grant = await access.identity.sign_in.with_password(EMAIL, PASSWORD, by)
    same = await access_to(acting, tmp_path, "admin")
    grant = await same.identity.sign_in.refresh(grant.refresh_token, by)
    other = await access_to(acting, tmp_path, "admin", **{**ADMIN, "auth_admin_password": "another password"})
    with pytest.raises(UnauthenticatedError):
        await other.identity.sign_in.refresh(grant.refresh_token, by)
    with pytest.raises(UnauthenticatedError):
        await other.identity.sign_in.with_password(EMAIL, PASSWORD, by)
    assert (await other.identity.sign_in.with_password(EMAIL, "another password", by)).access_token


async def test_a_user_whom_the_settings_make_administrator_is_one_from_then_on(
    acting: Pool, tmp_path: Path, by: Initiator
) -> None:
    full = await access_to(acting, tmp_path, "full")
    await full.identity.accounts.create_administrator("root@example.org", "", None, by)
    ada = await full.identity.accounts.create_member(EMAIL, "Ada", None, MemberRole.VIEWER, by)
    await full.identity.accounts.users.change(ada.id, {"status": "disabled"}, by)
    access = await access_to(acting, tmp_path, "admin")
    found = await administrator(access)
    assert (found.id, found.is_system_admin, found.status) == (ada.id, True, "active")
    assert await role_of(access, found) is MemberRole.OWNER
