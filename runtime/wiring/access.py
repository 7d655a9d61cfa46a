"""How a front door knows people. A module of its own, for an actor would wait for what this imports and not use it."""

from dataclasses import dataclass

from pydantic import SecretStr

from runtime.federation.configured import Federation, configured
from runtime.identity.accounts import Accounts
from runtime.identity.anonymous import Anonymous
from runtime.identity.authenticator import RememberingAuthenticator
from runtime.identity.credentials import LoginReader, Reader, TokenReader
from runtime.identity.federated import Reception, Travel, VouchedReader
from runtime.identity.identity import Identity, open_for
from runtime.identity.membership import Membership
from runtime.identity.minting import Minting
from runtime.identity.passwords import Passwords
from runtime.identity.sign_in import SignIn
from runtime.identity.signing import open_signing_key
from runtime.identity.ways import Ways
from runtime.ports.access import Authenticator
from runtime.process.auth_settings import AuthMode
from runtime.process.settings import Settings
from runtime.store.identity.attempts import AttemptStore
from runtime.store.identity.audit import AuditStore
from runtime.store.identity.logins import LoginStore
from runtime.store.identity.organizations import OrganizationStore
from runtime.store.identity.standings import StandingStore
from runtime.store.identity.tokens import TokenStore
from runtime.store.identity.users import UserStore
from runtime.store.pool import Pool


@dataclass(frozen=True, slots=True)
class Access:
    """How a front door knows people. Where they have to log in, `watched` must go on for as long as it serves."""

    identity: Identity
    authenticator: Authenticator
    watched: RememberingAuthenticator | None
    federation: Federation

    async def close(self) -> None:
        """Close the connections to identity providers."""
        await self.federation.close()


async def open_access(pool: Pool, settings: Settings, passwords: Passwords | None = None) -> Access:
    """Bring users and tokens to what the settings say of access, and return what a front door asks.

    Raises:
        StoreUnavailableError: the database does not answer.
    """
    key = open_signing_key(_secret(settings.auth_jwt_secret), settings.data_dir)
    federation = configured(settings)
    ways = Ways(mode=settings.auth_mode, providers=tuple(federation.providers), is_open_to_all=settings.auth_signup)
    users, logins, tokens, passwords = UserStore(pool), LoginStore(pool), TokenStore(pool), passwords or Passwords()
    accounts, membership = Accounts(users, passwords, ways), Membership(OrganizationStore(pool), users)
    sign_in = SignIn(users, logins, AttemptStore(pool), passwords, key)
    reception = Reception(accounts, membership, ways)
    identity = Identity(
        ways=ways,
        accounts=accounts,
        membership=membership,
        sign_in=sign_in,
        travel=Travel(federation.providers, reception, sign_in, key),
        minting=Minting(tokens),
        logins=logins,
        audit=AuditStore(pool),
    )
    await open_for(identity, tokens, _administrator(settings))
    if ways.mode is AuthMode.NONE:
        return Access(identity, Anonymous(), None, federation)
    standings = StandingStore(pool)
    readers: list[Reader] = [TokenReader(standings), LoginReader(standings, key)]
    if federation.verifier is not None:
        readers.append(VouchedReader(standings, federation.verifier, reception))
    watched = RememberingAuthenticator(standings, readers)
    return Access(identity, watched, watched, federation)


def _administrator(settings: Settings) -> tuple[str, str] | None:
    password = _secret(settings.auth_admin_password)
    if settings.auth_mode is not AuthMode.ADMIN or settings.auth_admin_email is None or password is None:
        return None
    return settings.auth_admin_email, password


def _secret(given: SecretStr | None) -> str | None:
    return None if given is None else given.get_secret_value()
