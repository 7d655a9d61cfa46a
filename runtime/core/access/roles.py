"""What people are in an organisation, and what that lets them do there (docs/wire.md, "Access")."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from runtime.core.errors import InvalidInputError


class Scope(StrEnum):
    """What a credential is good for. A route needs one; the words are those that clients give and see."""

    AGENTS_READ = "agents:read"  # agents, harnesses, capabilities, models
    AGENTS_WRITE = "agents:write"
    SESSIONS_READ = "sessions:read"  # sessions, messages, events, effects, workspaces and files
    SESSIONS_WRITE = "sessions:write"
    ORG_READ = "org:read"  # the organisation, its members and its settings
    ORG_ADMIN = "org:admin"  # changes of them, the audit log, what is of high risk
    ACCOUNT = "account"  # one's own profile, tokens and logins
    SYSTEM = "system"  # actors, nodes, users and organisations of the whole server


class MemberRole(StrEnum):
    """What a member is in an organisation, the least first: each may do what those before it may."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"

    @property
    def rank(self) -> int:
        """Its place among the roles, 0 for the least."""
        return list(MemberRole).index(self)

    def may_appoint(self, role: "MemberRole") -> bool:
        """Tell whether who has this role may give or take that one: admins up to their own, and only owners owners."""
        return self.rank >= MemberRole.ADMIN.rank and self.rank >= role.rank


_VIEWER: Final = frozenset({Scope.AGENTS_READ, Scope.SESSIONS_READ, Scope.ORG_READ, Scope.ACCOUNT})
_MEMBER: Final = _VIEWER | {Scope.AGENTS_WRITE, Scope.SESSIONS_WRITE}
_ADMIN: Final = _MEMBER | {Scope.ORG_ADMIN}

GRANTED: Final[Mapping[MemberRole, frozenset[Scope]]] = {
    MemberRole.VIEWER: _VIEWER,
    MemberRole.MEMBER: _MEMBER,
    MemberRole.ADMIN: _ADMIN,
    MemberRole.OWNER: _ADMIN,
}
EVERYTHING: Final = frozenset(Scope)


def granted(
    role: MemberRole, *, is_system_admin: bool = False, narrowed_to: Iterable[Scope] | None = None
) -> frozenset[Scope]:
    """Return what a role grants, with what a system administrator has besides, narrowed to a token's own scopes."""
    scopes = GRANTED[role] | {Scope.SYSTEM} if is_system_admin else GRANTED[role]
    return scopes if narrowed_to is None else scopes & frozenset(narrowed_to)


def parse_scopes(words: Iterable[str]) -> frozenset[Scope]:
    """Return the scopes that words name.

    Raises:
        InvalidInputError: `invalid_scope`: one names none, or there is none at all.
    """
    known = {scope.value: scope for scope in Scope}
    asked = list(words)
    unknown = [word for word in asked if word not in known]
    if unknown or not asked:
        wrong = f"{unknown[0][:80]!r} is no scope" if unknown else "A token without any scope could do nothing"
        message = f"{wrong}; there are {', '.join(known)}."
        raise InvalidInputError(message, "invalid_scope")
    return frozenset(known[word] for word in asked)
