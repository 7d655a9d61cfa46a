"""All that a front door needs to know people, and what must hold before it opens."""

from dataclasses import dataclass

import structlog

from runtime.core.access.principal import DEFAULT_ORG
from runtime.core.errors import InvalidInputError
from runtime.identity.accounts import Accounts
from runtime.identity.federated import Travel
from runtime.identity.membership import Membership
from runtime.identity.minting import Minting
from runtime.identity.passwords import check_password
from runtime.identity.sign_in import SignIn
from runtime.identity.ways import Ways
from runtime.ports.identity import AuditLog, Initiator, Logins, Tokens
from runtime.process.auth_settings import AuthMode

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The use cases, and the ways in that this server has."""

    ways: Ways
    accounts: Accounts
    membership: Membership
    sign_in: SignIn
    travel: Travel
    minting: Minting
    logins: Logins
    audit: AuditLog


async def open_for(identity: Identity, tokens: Tokens, administrator: tuple[str, str] | None) -> None:
    """Bring users and tokens to what the mode says, before anybody is served.

    `administrator` is the address and password of the settings, for the mode `admin`. Raises StoreUnavailableError.
    """
    if identity.ways.mode is AuthMode.NONE:
        return
    if ended := await tokens.revoke_anonymous():
        log.warning("anonymous_tokens_revoked", count=ended)
    if administrator is not None:
        user = await identity.accounts.keep_administrator(*administrator)
        await identity.membership.keep_owner(DEFAULT_ORG, user.id, Initiator(reason="settings of the server"))


def check_administrator(password: str) -> None:
    """Pass if the administrator of the settings may have this password. Raises InvalidInputError."""
    try:
        check_password(password)
    except InvalidInputError as err:
        message = f"AUTH_ADMIN_PASSWORD cannot be used. {err}"
        raise InvalidInputError(message, "invalid_settings") from err
