"""Users, organisations and credentials: what is kept of them, and where. Ids are public ones (`user_…`, `org_…`).

Whatever changes something is told by whom (`Initiator`), and notes that in the audit log in the same transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from runtime.core.access.roles import MemberRole, Scope


class Initiator(msgspec.Struct, frozen=True, kw_only=True):
    """Who does something, from where and why. Without a user it is the server itself, or its command line."""

    user_id: str | None = None
    org_id: str | None = None
    credential_id: str | None = None
    reason: str | None = None
    address: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person. `status` is active, disabled or erased; an erased one has no address any more."""

    id: str
    email: str | None
    name: str
    avatar_url: str | None
    is_system_admin: bool
    status: str
    home_org_id: str | None
    has_password: bool
    created_at: str
    updated_at: str


class NewUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user to be made, and where they belong.

    An administrator is one of the system, and an owner of the default organisation. Others are members of that, if they
    have a `role`, and else owners of one of their own. `identity` is what an identity provider calls them: (issuer,
    subject).
    """

    email: str | None
    name: str = ""
    avatar_url: str | None = None
    password_hash: str | None = None
    identity: tuple[str, str] | None = None
    is_administrator: bool = False
    is_administrator_if_first: bool = False
    role: MemberRole | None = None


class OrgSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an organisation has settled for all its members.

    `default_model` is what `default_model_id` meant when it was set: actors know no list of models. `fallback_models`
    are kept as what they mean.
    Sessions that rest for `retention_days` are deleted, without it never. What is deleted is gone for good after
    `deletion_grace_days`; without it, after those of the server.
    """

    default_model_id: str | None = None
    default_model: str | None = None
    fallback_models: tuple[str, ...] = ()
    default_harness_id: str | None = None
    retention_days: int | None = None
    deletion_grace_days: int | None = None


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    """Whatever belongs together, and whose."""

    id: str
    name: str
    settings: OrgSettings
    created_at: str
    updated_at: str


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A user in an organisation."""

    org_id: str
    user_id: str
    email: str | None
    name: str
    role: MemberRole
    created_at: str
    updated_at: str


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A personal access token, without itself. Without `scopes` it is good for all that its user may do."""

    id: str
    user_id: str
    name: str
    shown_prefix: str
    scopes: tuple[Scope, ...] | None
    created_at: str
    expires_at: str | None
    last_used_at: str | None


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token to be kept. `digest` is its SHA-256."""

    user_id: str
    name: str
    digest: bytes
    shown_prefix: str
    scopes: tuple[Scope, ...] | None = None
    expires_at: datetime | None = None
    is_anonymous: bool = False


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """A login that is good still. `digest` is that of its newest refresh token, `rotated_s_ago` seconds old."""

    id: str
    user_id: str
    digest: bytes
    rotations: int
    rotated_s_ago: float
    created_at: str
    last_used_at: str
    expires_at: str
    address: str | None
    user_agent: str | None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What a good credential is worth: whose it is, and where they are members, the oldest membership first.

    `scopes` narrow what the roles grant.
    """

    credential_id: str
    user_id: str
    is_system_admin: bool
    home_org_id: str | None
    roles: Mapping[str, MemberRole]
    scopes: frozenset[Scope] | None = None
    expires_at: datetime | None = None


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One administrative act."""

    id: str
    at: str
    org_id: str | None
    user_id: str | None
    credential_id: str | None
    action: str
    subject_kind: str
    subject_id: str | None
    before: Any
    after: Any
    reason: str | None
    address: str | None
    user_agent: str | None
    request_id: str | None


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries of an organisation, or without one those that belong to none: the newest first.

    With `before_id`, those before that one.
    """

    org_id: str | None
    action: str | None = None
    user_id: str | None = None
    subject_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before_id: str | None = None


# ---------------------------------------------------------------- where they are kept


class Standings(Protocol):
    """What credentials are worth now. Its methods return nothing for one that is not, or no longer, good."""

    async def revision(self) -> int:
        """Return a number that has grown with each change of who may do what."""
        ...

    async def of_token(self, digest: bytes) -> Standing | None:
        """Return what a token is worth, by its SHA-256."""
        ...

    async def several(self, credential_ids: Collection[str]) -> Mapping[str, Standing]:
        """Return what credentials are worth: tokens, logins, and users whom an identity provider vouches for."""
        ...

    async def note_used(self, token_ids: Collection[str]) -> None:
        """Note that tokens are in use."""
        ...


class Users(Protocol):
    """The users of this server."""

    async def create(self, new: NewUser, by: Initiator) -> User:
        """Make a user. Raises ConflictError("email_in_use")."""
        ...

    async def get(self, user_id: str) -> User:
        """Return a user. Raises NotFoundError."""
        ...

    async def find(self, email: str) -> tuple[User, str | None] | None:
        """Return the user with an address, in any case, and the hash of their password; None if there is none."""
        ...

    async def by_identity(self, issuer: str, subject: str) -> User | None:
        """Return the user whom an identity provider calls so."""
        ...

    async def identify(self, user_id: str, issuer: str, subject: str, by: Initiator) -> None:
        """Note what an identity provider calls a user."""
        ...

    async def list(self) -> Sequence[User]:
        """Return all users who were not erased, the oldest first."""
        ...

    async def change(self, user_id: str, changes: Mapping[str, Any], by: Initiator) -> User:
        """Change name, avatar_url, home_org_id, is_system_admin or status.

        Raises:
            NotFoundError: there is no such user.
            ConflictError: `last_owner`: an organisation would be left to people none of whom is an active owner.
        """
        ...

    async def rehash(self, user_id: str, password_hash: str) -> None:
        """Keep the same password in a better form."""
        ...

    async def set_password(
        self, user_id: str, password_hash: str, by: Initiator, keep_login: str | None = None
    ) -> None:
        """Replace a user's password, which ends all their logins but one."""
        ...

    async def export(self, user_id: str) -> Mapping[str, Any]:
        """Return all that is kept of a user, but what is secret. Raises NotFoundError."""
        ...

    async def erase(self, user_id: str, by: Initiator) -> None:
        """Forget a user, but for their id. Organisations that nobody is left in are deleted with them.

        Raises:
            NotFoundError: there is no such user.
            ConflictError: `last_owner`, as for `change`.
        """
        ...


class Organizations(Protocol):
    """The organisations and their members."""

    async def create(self, name: str, owner_id: str, by: Initiator) -> Organization:
        """Make an organisation with its first owner."""
        ...

    async def get(self, org_id: str) -> Organization:
        """Return an organisation. Raises NotFoundError."""
        ...

    async def of_user(self, user_id: str) -> Sequence[Organization]:
        """Return those that a user is a member of, the oldest membership first."""
        ...

    async def change(self, org_id: str, name: str | None, settings: Mapping[str, Any], by: Initiator) -> Organization:
        """Change the name, and what is given of the settings. Raises NotFoundError."""
        ...

    async def members(self, org_id: str) -> Sequence[Member]:
        """Return the members, the oldest first."""
        ...

    async def member(self, org_id: str, user_id: str) -> Member:
        """Return a member. Raises NotFoundError."""
        ...

    async def add(self, org_id: str, user_id: str, role: MemberRole, by: Initiator) -> Member:
        """Make a user a member. Raises ConflictError("member_exists")."""
        ...

    async def appoint(self, org_id: str, user_id: str, role: MemberRole, by: Initiator) -> Member:
        """Give a member another role. Raises NotFoundError, or ConflictError("last_owner")."""
        ...

    async def remove(self, org_id: str, user_id: str, by: Initiator) -> None:
        """Take a member out. Raises NotFoundError, or ConflictError("last_owner")."""
        ...


class Tokens(Protocol):
    """Personal access tokens, by their digests."""

    async def create(self, new: NewToken, by: Initiator) -> Token:
        """Keep a new token."""
        ...

    async def list(self, user_id: str) -> Sequence[Token]:
        """Return a user's tokens that were not revoked, the newest first."""
        ...

    async def limits(self, token_id: str) -> tuple[frozenset[Scope] | None, datetime | None]:
        """Return the scopes and the end of a token; None where it has none."""
        ...

    async def revoke(self, user_id: str, token_id: str, by: Initiator) -> None:
        """End a token of a user. Raises NotFoundError."""
        ...

    async def revoke_anonymous(self) -> int:
        """End the tokens that were made while nobody had to log in; return how many."""
        ...


class Logins(Protocol):
    """Logins, by the digests of their refresh tokens."""

    async def create(self, login_id: str, user_id: str, digest: bytes, lifetime_s: float, by: Initiator) -> None:
        """Begin a login."""
        ...

    async def find(self, login_id: str) -> Login | None:
        """Return a login that is good still, of a user who is."""
        ...

    async def rotate(self, login_id: str, digest: bytes, following: bytes, lifetime_s: float) -> bool:
        """Replace the newest digest, unless it is not that one any more; tell whether that was done."""
        ...

    async def list(self, user_id: str) -> Sequence[Login]:
        """Return a user's logins that are good still, the newest first."""
        ...

    async def end(self, user_id: str, login_id: str, why: str, by: Initiator) -> None:
        """End a login of a user; `why` is one word. Raises NotFoundError."""
        ...


class Attempts(Protocol):
    """How often somebody tried to log in and failed, wherever they tried."""

    async def begin(self, free: Mapping[str, int]) -> float:
        """Count an attempt by each of its subjects; return the seconds to wait before it is admitted, 0 if it is.

        A subject may fail so many times, after which each failure costs twice the time of the one before.
        """
        ...

    async def succeeded(self, subjects: Collection[str]) -> None:
        """Take back an attempt."""
        ...


class AuditLog(Protocol):
    """Who did what. It only grows."""

    async def record(
        self, by: Initiator, action: str, subject_kind: str, subject_id: str | None, details: tuple[Any, Any]
    ) -> None:
        """Note an act; `details` are what was before and what is after, without secrets and without names of people."""
        ...

    async def page(self, query: AuditQuery, limit: int) -> Sequence[AuditEntry]:
        """Return entries, the newest first."""
        ...
