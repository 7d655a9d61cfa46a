"""Who an identity provider vouches for: browsers that it sends back, and programs that show its tokens."""

import secrets
from collections.abc import Mapping
from typing import Final

import msgspec

from runtime.core.access.principal import DEFAULT_ORG
from runtime.core.access.roles import MemberRole
from runtime.core.errors import ConflictError, NotFoundError, UnauthenticatedError
from runtime.identity.accounts import Accounts
from runtime.identity.credentials import Read
from runtime.identity.membership import Membership
from runtime.identity.sign_in import Grant, SignIn
from runtime.identity.signing import SigningKey
from runtime.identity.ways import Ways
from runtime.ports.federation import IdentityProvider, Journey, Verifier, Vouched
from runtime.ports.identity import Initiator, Standings, User
from runtime.process.auth_settings import AuthMode

JOURNEY_S: Final = 600
_AUDIENCE: Final = "perdure:journey"
_RANDOM_BYTES: Final = 32


class Reception:
    """Takes in whom a provider vouches for."""

    def __init__(self, accounts: Accounts, membership: Membership, ways: Ways) -> None:
        self._accounts = accounts
        self._membership = membership
        self._into = MemberRole.MEMBER if ways.mode is AuthMode.EXTERNAL else None

    async def receive(self, vouched: Vouched, by: Initiator) -> User:
        """Return the user, who is made now if they are new, and has the role that the provider says.

        Raises:
            ForbiddenError: `signup_closed`, or `user_disabled`.
            ConflictError: `email_in_use`.
        """
        user = await self._accounts.admit(vouched, by, into=self._into and (vouched.role or self._into))
        if self._into is not None and vouched.role is not None and not user.is_system_admin:
            await self._appoint(user, vouched.role, by)
        return user

    async def _appoint(self, user: User, role: MemberRole, by: Initiator) -> None:
        organizations = self._membership.organizations
        try:
            if (await organizations.member(DEFAULT_ORG, user.id)).role is not role:
                await organizations.appoint(DEFAULT_ORG, user.id, role, by)
        except NotFoundError:
            return  # whoever was taken out stays out
        except ConflictError:
            return  # the last owner stays one, whatever a provider says


class VouchedReader:
    """Reads tokens of an identity provider (`runtime.identity.credentials.Reader`). The credential is the user."""

    def __init__(self, standings: Standings, verifier: Verifier, reception: Reception) -> None:
        self._standings = standings
        self._verifier = verifier
        self._reception = reception

    async def read(self, token: str) -> Read | None:
        """Return what a token is worth; its user is made if they are new."""
        verified = await self._verifier.verify(token)
        if verified is None:
            return None
        by = Initiator(reason=f"token of {verified.vouched.issuer}")
        user = await self._reception.receive(verified.vouched, by)
        standing = (await self._standings.several([user.id])).get(user.id)
        return None if standing is None else Read(standing, verified.expires_at)


class Travel:
    """Sends browsers to a provider, and meets them when they come back."""

    def __init__(
        self, providers: Mapping[str, IdentityProvider], reception: Reception, sign_in: SignIn, key: SigningKey
    ) -> None:
        self._providers = providers
        self._reception = reception
        self._sign_in = sign_in
        self._key = key

    async def leave(self, provider: str) -> tuple[str, str]:
        """Return where to send a browser, and what it must keep for ten minutes and bring back.

        Raises:
            NotFoundError: there is no such provider.
            ProviderUnavailableError: it does not answer.
        """
        state, nonce, verifier = (secrets.token_urlsafe(_RANDOM_BYTES) for _ in range(3))
        journey = Journey(provider=provider, state=state, nonce=nonce, verifier=verifier)
        address = await self._provider(provider).address(journey)
        return address, self._key.sign(_AUDIENCE, {"journey": msgspec.to_builtins(journey)}, JOURNEY_S)

    async def arrive(self, provider: str, code: str, state: str, kept: str, by: Initiator) -> Grant:
        """Log in whoever has come back.

        Raises:
            UnauthenticatedError: `journey_broken`: another browser set out, or too long ago; `provider_refused`.
            ForbiddenError: `signup_closed`, `user_disabled` or `no_role`.
            ConflictError: `email_in_use`.
            NotFoundError: there is no such provider.
            ProviderUnavailableError: it does not answer.
        """
        claims = self._key.read(kept, _AUDIENCE)
        journey = None if claims is None else msgspec.convert(claims["journey"], Journey)
        if journey is None or journey.provider != provider or not _are_same(journey.state, state):
            message = "This login was not begun in this browser, or more than ten minutes ago: begin it again."
            raise UnauthenticatedError(message, "journey_broken")
        vouched = await self._provider(provider).meet(code, journey)
        return await self._sign_in.begin(await self._reception.receive(vouched, by), by)

    def _provider(self, name: str) -> IdentityProvider:
        if name not in self._providers:
            raise NotFoundError("identity_provider", name)
        return self._providers[name]


def _are_same(ours: str, theirs: str) -> bool:
    return secrets.compare_digest(ours.encode(), theirs.encode(errors="replace"))  # as text only ASCII is compared
