"""Users: how they come, change what is theirs, and go."""

from collections.abc import Mapping
from typing import Any

from runtime.core.access.principal import ANONYMOUS_USER, Principal
from runtime.core.access.roles import MemberRole
from runtime.core.errors import ConflictError, ForbiddenError
from runtime.identity.passwords import Passwords
from runtime.identity.ways import Ways
from runtime.ports.federation import Vouched
from runtime.ports.identity import Initiator, NewUser, User, Users


class Accounts:
    """Makes and changes users."""

    def __init__(self, users: Users, passwords: Passwords, ways: Ways) -> None:
        self.users = users
        self._passwords = passwords
        self._ways = ways

    async def register(self, email: str, password: str, name: str, by: Initiator) -> User:
        """Make a user who came by themselves. The first administers the server; others get their own organisation.

        Raises:
            ForbiddenError: `signup_closed`.
            InvalidInputError: `weak_password`.
            ConflictError: `email_in_use`.
        """
        self._check_open()
        password_hash = await self._passwords.hash(password)
        new = NewUser(email=email, name=name, password_hash=password_hash, is_administrator_if_first=True)
        return await self.users.create(new, by)

    async def admit(self, vouched: Vouched, by: Initiator, *, into: MemberRole | None = None) -> User:
        """Return the user for whom an identity provider vouches, made now if they are new.

        A new one becomes a member of the default organisation with the role `into` or, without one, has to be somebody
        who could have registered. Somebody with that address whom an administrator made is the same, but not one with
        a password: whoever chose that never showed that the address is theirs.

        Raises:
            ForbiddenError: `signup_closed`, or `user_disabled`.
            ConflictError: `email_in_use`.
        """
        try:
            user = await self._known(vouched, by) or await self._welcome(vouched, by, into)
        except ConflictError:
            twice = await self.users.by_identity(vouched.issuer, vouched.subject)  # they came twice at once
            if twice is None:
                raise
            user = twice
        if user.status != "active":
            message = "This user was disabled by an administrator."
            raise ForbiddenError(message, "user_disabled")
        return user

    async def change_profile(self, principal: Principal, changes: Mapping[str, Any], by: Initiator) -> User:
        """Change the name or picture of whoever asks."""
        return await self.users.change(principal.user_id, changes, by)

    async def set_password(self, user: User, password: str, by: Initiator) -> None:
        """Give a user another password, as an administrator may. Raises InvalidInputError."""
        await self.users.set_password(user.id, await self._passwords.hash(password), by)

    async def create_administrator(self, email: str, name: str, password: str | None, by: Initiator) -> User:
        """Make an administrator of the server. Raises ConflictError("email_in_use"), or InvalidInputError."""
        return await self._create(email, name, password, None, by)

    async def create_member(self, email: str, name: str, password: str | None, role: MemberRole, by: Initiator) -> User:
        """Make a member of the default organisation. Raises ConflictError("email_in_use"), or InvalidInputError."""
        return await self._create(email, name, password, role, by)

    async def keep_administrator(self, email: str, password: str) -> User:
        """See to it that there is an administrator with this address and password, who logs in anew if it changed."""
        by = Initiator(reason="settings of the server")
        user, password_hash = await self.users.find(email) or (None, None)
        if user is None:
            return await self.create_administrator(email, "", password, by)
        if not await self._passwords.verify(password_hash, password):
            await self.set_password(user, password, by)
        if user.is_system_admin and user.status == "active":
            return user
        return await self.users.change(user.id, {"is_system_admin": True, "status": "active"}, by)

    async def erase(self, user_id: str, by: Initiator) -> None:
        """Forget a user.

        Raises:
            ConflictError: `last_owner`.
            ForbiddenError: `built_in_user`: the one that everybody is where nobody logs in.
        """
        if user_id == ANONYMOUS_USER:
            message = "This user is everybody who does not log in, and nobody."
            raise ForbiddenError(message, "built_in_user")
        await self.users.erase(user_id, by)

    async def _create(
        self, email: str, name: str, password: str | None, role: MemberRole | None, by: Initiator
    ) -> User:
        password_hash = None if password is None else await self._passwords.hash(password)
        new = NewUser(email=email, name=name, password_hash=password_hash, role=role, is_administrator=role is None)
        return await self.users.create(new, by)

    async def _known(self, vouched: Vouched, by: Initiator) -> User | None:
        user = await self.users.by_identity(vouched.issuer, vouched.subject)
        if user is not None or vouched.email is None:
            return user
        found = await self.users.find(vouched.email)
        if found is None:
            return None
        if found[0].has_password:
            message = "There is a user with this e-mail address and a password: log in with that."
            raise ConflictError(message, "email_in_use")
        await self.users.identify(found[0].id, vouched.issuer, vouched.subject, by)
        return found[0]

    async def _welcome(self, vouched: Vouched, by: Initiator, into: MemberRole | None) -> User:
        if into is None:
            self._check_open()
        new = NewUser(
            email=vouched.email,
            name=vouched.name,
            avatar_url=vouched.avatar_url,
            identity=(vouched.issuer, vouched.subject),
            role=into,
            is_administrator_if_first=into is None,
        )
        return await self.users.create(new, by)

    def _check_open(self) -> None:
        if not self._ways.takes_newcomers:
            message = "Nobody can register here: an administrator makes users."
            raise ForbiddenError(message, "signup_closed")
