"""As whom something is asked: it comes from the credential, and goes along to where the session lives."""

from typing import Final

from runtime.core.access.roles import EVERYTHING, MemberRole, Scope
from runtime.core.errors import ForbiddenError
from runtime.core.wire import Wire

DEFAULT_ORG: Final = "org_00000000000000000000000000000001"
ANONYMOUS_USER: Final = "user_00000000000000000000000000000001"


class Principal(Wire, frozen=True, kw_only=True):
    """A user in one organisation, with what the credential lets them do there.

    `credential_id` is that of the token or login; None where nobody has to show one.
    """

    org_id: str
    user_id: str
    role: MemberRole
    scopes: frozenset[Scope]
    credential_id: str | None = None

    def may(self, scope: Scope) -> bool:
        """Tell whether the credential is good for something."""
        return scope in self.scopes

    def require(self, scope: Scope) -> None:
        """Pass if the credential is good for something.

        Raises:
            ForbiddenError: `insufficient_scope`.
        """
        if scope not in self.scopes:
            message = f"This needs the scope {scope}, which neither the role {self.role} nor the credential gives."
            raise ForbiddenError(message, "insufficient_scope")


ANONYMOUS: Final = Principal(org_id=DEFAULT_ORG, user_id=ANONYMOUS_USER, role=MemberRole.OWNER, scopes=EVERYTHING)
