"""Identity providers: they know people, and vouch for them."""

from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from runtime.core.access.roles import MemberRole


class Vouched(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an identity provider vouches for. `email` is one that it has verified, `role` what its claims map to."""

    issuer: str
    subject: str
    email: str | None = None
    name: str = ""
    avatar_url: str | None = None
    role: MemberRole | None = None


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """What must be known again when a browser comes back from a provider.

    `state` shows that it is the same browser, `nonce` that the answer is to this question, and `verifier` to the
    provider that whoever hands in the code is who asked for it (PKCE, RFC 7636).
    """

    provider: str
    state: str
    nonce: str
    verifier: str


class Verified(NamedTuple):
    """Whom a token names, and how long it does."""

    vouched: Vouched
    expires_at: datetime


class Verifier(Protocol):
    """Reads tokens that an identity provider has issued for this server."""

    async def verify(self, token: str) -> Verified | None:
        """Return whom a token names; None if it is none of that provider's, or not good.

        Raises:
            ForbiddenError: `no_role`: the provider knows them, and they are nothing here.
            ProviderUnavailableError: its keys cannot be read.
        """
        ...


class IdentityProvider(Protocol):
    """Sends browsers to log in somewhere else, and learns from there who they are."""

    async def address(self, journey: Journey) -> str:
        """Return where to send a browser. Raises ProviderUnavailableError."""
        ...

    async def meet(self, code: str, journey: Journey) -> Vouched:
        """Return who has come back with a code.

        Raises:
            UnauthenticatedError: `provider_refused`: the code is not good, or what it stands for.
            ForbiddenError: `no_role`, as for tokens.
            ProviderUnavailableError: it does not answer.
        """
        ...
