"""What people are here, by the roles or groups that their identity provider names."""

from collections.abc import Mapping, Sequence
from typing import Any

from runtime.core.access.roles import MemberRole
from runtime.core.errors import ForbiddenError


class RoleMapping:
    """Reads one claim; dots in its name lead into objects (`realm_access.roles`). Without a mapping nothing is read."""

    def __init__(self, claim: str, roles: Mapping[str, MemberRole]) -> None:
        self._path = claim.split(".")
        self._roles = roles

    def role(self, claims: Mapping[str, Any]) -> MemberRole | None:
        """Return the highest role that the claims map to; None if there is no mapping.

        Raises:
            ForbiddenError: `no_role`: they map to none.
        """
        if not self._roles:
            return None
        found = [self._roles[word] for word in self._words(claims) if word in self._roles]
        if not found:
            message = "Your identity provider gives you no role here."
            raise ForbiddenError(message, "no_role")
        return max(found, key=lambda role: role.rank)

    def _words(self, claims: Mapping[str, Any]) -> Sequence[str]:
        value: Any = claims
        for part in self._path:
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, str):
            return value.split()
        return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


def parse_roles(text: str | None) -> dict[str, MemberRole]:
    """Return a mapping of the settings: `staff=member,leads=admin`."""
    pairs = [pair.partition("=") for pair in (text or "").split(",") if pair]
    return {word.strip(): MemberRole(role) for word, _, role in pairs}
