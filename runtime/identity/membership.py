"""Organisations and their members: who may appoint whom."""

from collections.abc import Mapping, Sequence
from typing import Any

from runtime.core.access.principal import Principal
from runtime.core.access.roles import MemberRole, Scope
from runtime.core.errors import ForbiddenError, NotFoundError
from runtime.ports.identity import Initiator, Member, Organization, Organizations, Users


class Membership:
    """Changes organisations and their members. A principal acts in its own organisation only."""

    def __init__(self, organizations: Organizations, users: Users) -> None:
        self.organizations = organizations
        self._users = users

    async def create(self, principal: Principal, name: str, by: Initiator) -> Organization:
        """Make an organisation, whose owner is whoever asks.

        Raises:
            ForbiddenError: `single_organization`: where nobody logs in, there is only one.
        """
        if principal.credential_id is None:
            message = "Where nobody logs in, all belongs to one organisation."
            raise ForbiddenError(message, "single_organization")
        return await self.organizations.create(name, principal.user_id, by)

    async def change(
        self, principal: Principal, name: str | None, settings: Mapping[str, Any], by: Initiator
    ) -> Organization:
        """Change the name and what is given of the settings."""
        return await self.organizations.change(principal.org_id, name, settings, by)

    async def members(self, principal: Principal) -> Sequence[Member]:
        """Return the members, the oldest first."""
        return await self.organizations.members(principal.org_id)

    async def add(self, principal: Principal, email: str, role: MemberRole, by: Initiator) -> Member:
        """Make a user a member.

        Raises:
            NotFoundError: nobody has that address.
            ForbiddenError: `role_not_yours_to_give`.
            ConflictError: `member_exists`.
        """
        _check_appointment(principal, role)
        found = await self._users.find(email)
        if found is None or found[0].status != "active":
            raise NotFoundError("user", email)
        return await self.organizations.add(principal.org_id, found[0].id, role, by)

    async def appoint(self, principal: Principal, user_id: str, role: MemberRole, by: Initiator) -> Member:
        """Give a member another role.

        Raises:
            NotFoundError: there is no such member.
            ForbiddenError: `role_not_yours_to_give`: neither may one that is higher than one's own be taken.
            ConflictError: `last_owner`.
        """
        before = await self.organizations.member(principal.org_id, user_id)
        _check_appointment(principal, before.role)
        _check_appointment(principal, role)
        return await self.organizations.appoint(principal.org_id, user_id, role, by)

    async def remove(self, principal: Principal, user_id: str, by: Initiator) -> None:
        """Take a member out; anybody may go by themselves. Raises as `appoint` does."""
        before = await self.organizations.member(principal.org_id, user_id)
        if user_id != principal.user_id:
            principal.require(Scope.ORG_ADMIN)
            _check_appointment(principal, before.role)
        await self.organizations.remove(principal.org_id, user_id, by)

    async def keep_owner(self, org_id: str, user_id: str, by: Initiator) -> None:
        """See to it that a user is an owner of an organisation."""
        try:
            member = await self.organizations.member(org_id, user_id)
        except NotFoundError:
            await self.organizations.add(org_id, user_id, MemberRole.OWNER, by)
        else:
            if member.role is not MemberRole.OWNER:
                await self.organizations.appoint(org_id, user_id, MemberRole.OWNER, by)

    async def move_home(self, principal: Principal, org_id: str, by: Initiator) -> Organization:
        """Let what somebody asks without naming an organisation be asked in this one. Raises NotFoundError."""
        theirs = await self.organizations.of_user(principal.user_id)
        home = next((organization for organization in theirs if organization.id == org_id), None)
        if home is None:
            raise NotFoundError("organization", org_id)
        await self._users.change(principal.user_id, {"home_org_id": org_id}, by)
        return home


def _check_appointment(principal: Principal, role: MemberRole) -> None:
    if not principal.role.may_appoint(role):
        message = f"A member who is {principal.role} can neither give nor take the role {role}."
        raise ForbiddenError(message, "role_not_yours_to_give")
