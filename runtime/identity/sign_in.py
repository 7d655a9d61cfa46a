"""Logging in: by password or by what an identity provider says, and going on with refresh tokens (docs/access.md).

A refresh token is replaced each time it is used. Each follows from the one before, by a secret of the server, so one
that was replaced is known for what it is however old: within ten seconds it is a client's second attempt, which gets
the same successor; later somebody else has it too, and the login is over for both.
"""

import base64
import contextlib
import hashlib
import hmac
import ipaddress
import secrets
from typing import Final

import msgspec
import structlog

from runtime.core.access.principal import Principal
from runtime.core.errors import LimitExceededError, NotFoundError, UnauthenticatedError
from runtime.core.ids import format_id, hex_of
from runtime.identity.passwords import Passwords
from runtime.identity.signing import ISSUER, SigningKey
from runtime.ports.identity import Attempts, Initiator, Login, Logins, User, Users
from runtime.process.mint import new_id

log = structlog.get_logger(__name__)

ACCESS_S: Final = 900
REFRESH_S: Final = 30 * 86_400
RETRY_S: Final = 10.0  # for which a client may not have seen the answer to its refresh
ACCOUNT_ATTEMPTS: Final = 5
ADDRESS_ATTEMPTS: Final = 20  # a whole office may come from one address
MOST_GENERATIONS: Final = 10_000  # of a login that are followed: each costs some microseconds
_PREFIX: Final = "evr_rt_"
_LOGIN_BYTES: Final = 16
_SECRET_BYTES: Final = 32


class Grant(msgspec.Struct, frozen=True):
    """What whoever has logged in is given. Times are in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int = ACCESS_S
    refresh_expires_in: int = REFRESH_S


class SignIn:
    """Begins logins, goes on with them and ends them."""

    def __init__(self, users: Users, logins: Logins, attempts: Attempts, passwords: Passwords, key: SigningKey) -> None:
        self._users = users
        self._logins = logins
        self._attempts = attempts
        self._passwords = passwords
        self._key = key

    async def with_password(self, email: str, password: str, by: Initiator) -> Grant:
        """Log in.

        Raises:
            UnauthenticatedError: `invalid_credentials`: there is no such user, or the password is another.
            LimitExceededError: `too_many_attempts`: too many failed for this account or from this address.
        """
        user, password_hash = await self._check(email, password, by)
        if self._passwords.is_outdated(password_hash):
            await self._users.rehash(user.id, await self._passwords.hash(password))
        return await self.begin(user, by)

    async def change_password(self, principal: Principal, current: str, new: str, by: Initiator) -> None:
        """Change the password of whoever asks, which ends their other logins.

        Raises:
            UnauthenticatedError: `invalid_credentials`: the current one is another.
            LimitExceededError: `too_many_attempts`, as for logins.
            InvalidInputError: `weak_password`.
        """
        email = (await self._users.get(principal.user_id)).email or ""
        user, _ = await self._check(email, current, by)
        login_id = principal.credential_id if (principal.credential_id or "").startswith("login_") else None
        await self._users.set_password(user.id, await self._passwords.hash(new), by, login_id)

    async def admit_address(self, by: Initiator) -> None:
        """Count an attempt that is no account's, such as to register. Raises LimitExceededError."""
        await self._admit(_address(by))

    async def begin(self, user: User, by: Initiator) -> Grant:
        """Log in a user of whom it is certain who they are."""
        login_id = new_id("login")
        secret = secrets.token_bytes(_SECRET_BYTES)
        await self._logins.create(login_id, user.id, _digest(secret), REFRESH_S, by)
        log.info("logged_in", user_id=user.id, login_id=login_id)
        return self._grant(login_id, user.id, secret)

    async def refresh(self, token: str, by: Initiator) -> Grant:
        """Go on with a login.

        Raises:
            UnauthenticatedError: `invalid_refresh_token`: it is none, not good any more, or was used before.
        """
        login_id, secret = _parse(token)
        while login := await self._logins.find(login_id):
            if hmac.compare_digest(_digest(secret), login.digest):
                following = self._following(secret)
                if await self._logins.rotate(login_id, login.digest, _digest(following), REFRESH_S):
                    return self._grant(login_id, login.user_id, following)
                continue  # somebody else was quicker: look again, for what it has become
            return await self._again(login, secret, by)
        raise _bad_refresh_token()

    async def end(self, user_id: str, login_id: str, by: Initiator) -> None:
        """Log out. Raises NotFoundError."""
        await self._logins.end(user_id, login_id, "revoked", by)

    async def _admit(self, subjects: dict[str, int]) -> None:
        """Count an attempt, and pass if it may be made. Raises LimitExceededError."""
        wait_s = await self._attempts.begin(subjects)
        if wait_s > 0:
            message = "Too many attempts failed. Try again later."
            raise LimitExceededError(message, "too_many_attempts", wait_s)

    async def _check(self, email: str, password: str, by: Initiator) -> tuple[User, str]:
        """Return the user with that password, and its hash."""
        account = hashlib.sha256(email.lower().encode(errors="replace")).hexdigest()
        subjects = {f"account:{account}": ACCOUNT_ATTEMPTS, **_address(by)}
        await self._admit(subjects)
        user, password_hash = await self._users.find(email) or (None, None)
        is_right = await self._passwords.verify(password_hash, password)
        if user is None or password_hash is None or not is_right or user.status != "active":
            message = "The e-mail address or the password is wrong."
            raise UnauthenticatedError(message, "invalid_credentials")
        await self._attempts.succeeded(list(subjects))
        return user, password_hash

    async def _again(self, login: Login, secret: bytes, by: Initiator) -> Grant:
        """Answer a token that is not the newest, and may have been."""
        following = self._following(secret)
        if _digest(following) == login.digest and login.rotated_s_ago < RETRY_S:
            return self._grant(login.id, login.user_id, following)
        if self._descends(login, following):
            log.warning("refresh_token_reused", login_id=login.id, user_id=login.user_id)
            by = msgspec.structs.replace(by, user_id=login.user_id, credential_id=login.id)
            with contextlib.suppress(NotFoundError):  # others who have it too may come at once
                await self._logins.end(login.user_id, login.id, "reused", by)
        raise _bad_refresh_token()

    def _descends(self, login: Login, secret: bytes) -> bool:
        for _ in range(min(login.rotations, MOST_GENERATIONS)):
            if _digest(secret) == login.digest:
                return True
            secret = self._following(secret)
        return False

    def _following(self, secret: bytes) -> bytes:
        return self._key.digest("refresh", secret.hex())

    def _grant(self, login_id: str, user_id: str, secret: bytes) -> Grant:
        access = self._key.sign(ISSUER, {"sub": user_id, "sid": login_id}, ACCESS_S)
        shown = base64.urlsafe_b64encode(bytes.fromhex(hex_of(login_id)) + secret).decode().rstrip("=")
        return Grant(access, _PREFIX + shown)


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()


def _parse(token: str) -> tuple[str, bytes]:
    """Return the login and the secret in a refresh token. Raises UnauthenticatedError."""
    try:
        raw = base64.b64decode(token.removeprefix(_PREFIX) + "==", altchars=b"-_", validate=True)
    except ValueError:
        raw = b""
    if not token.startswith(_PREFIX) or len(raw) != _LOGIN_BYTES + _SECRET_BYTES:
        raise _bad_refresh_token()
    return format_id("login", int.from_bytes(raw[:_LOGIN_BYTES])), raw[_LOGIN_BYTES:]


def _bad_refresh_token() -> UnauthenticatedError:
    message = "The refresh token is not good, or no longer: log in again."
    return UnauthenticatedError(message, "invalid_refresh_token")


def _address(by: Initiator) -> dict[str, int]:
    """Return where an attempt comes from; of IPv6 the network, for one household has 2^64 addresses."""
    if by.address is None:
        return {}
    try:
        network = ipaddress.ip_network(f"{by.address}/{64 if ':' in by.address else 32}", strict=False)
    except ValueError:
        return {f"address:{by.address[:64]}": ADDRESS_ATTEMPTS}
    return {f"address:{network}": ADDRESS_ATTEMPTS}
