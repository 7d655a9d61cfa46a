"""Google's login for a service account: a token that it signs for itself, so nobody has to be asked for one.

https://google.aip.dev/auth/4111
"""

import asyncio
import time
from collections import OrderedDict
from typing import Final, NamedTuple

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from runtime.core.errors import InvalidInputError
from runtime.process.mint import now

HOLDS_S: Final = 3600
MARGIN_S: Final = 300.0  # before its end, a token is not used any more
KEPT_MOST: Final = 1_000
KEY_CHARS_MOST: Final = 4_000  # one of 4096 bits has 3,272; ten times the bits take a thousand times as long
_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_ALGORITHM: Final = "RS256"


class ServiceAccount(msgspec.Struct, frozen=True):
    """What Google gives as a file, as far as it matters."""

    client_email: str
    private_key: str
    private_key_id: str
    project_id: str = ""


class _Token(NamedTuple):
    value: str
    good_until_s: float  # on the monotonic clock


_accounts: Final = msgspec.json.Decoder(ServiceAccount)
_tokens: Final[OrderedDict[str, _Token]] = OrderedDict()


def account(file: str) -> ServiceAccount:
    """Return the account that a file describes. It takes a while: for a thread.

    Raises:
        InvalidInputError: `unusable_credentials`: it is no such file, or its key cannot sign.
    """
    try:
        found = _accounts.decode(file)
        if len(found.private_key) > KEY_CHARS_MOST:
            message = f"private_key has more than {KEY_CHARS_MOST} characters: a key may have 4096 bits."
            raise InvalidInputError(message, "unusable_credentials", "credentials.service_account")
        _signed(found, 0)
    except (msgspec.MsgspecError, JoseError, ValueError) as err:
        message = "service_account is the whole JSON file of a service account's key, with its private_key."
        raise InvalidInputError(message, "unusable_credentials", "credentials.service_account") from err
    return found


async def sign(file: str) -> None:
    """Have a token that is good for some minutes at least, signed in a thread."""
    known = _tokens.get(file)
    if known is not None and time.monotonic() < known.good_until_s:
        return
    value = await asyncio.to_thread(_signed, _accounts.decode(file), int(now().timestamp()))
    _tokens[file] = _Token(value, time.monotonic() + HOLDS_S - MARGIN_S)
    if len(_tokens) > KEPT_MOST:
        _tokens.popitem(last=False)


def token(file: str) -> str:
    """Return the token that was signed last; empty if there is none."""
    known = _tokens.get(file)
    return "" if known is None else known.value


def forget(file: str) -> None:
    """Sign anew the next time."""
    _tokens.pop(file, None)


def _signed(account: ServiceAccount, now_s: int) -> str:
    head = {"alg": _ALGORITHM, "typ": "JWT", "kid": account.private_key_id}
    who = account.client_email
    claims = {"iss": who, "sub": who, "scope": _SCOPE, "iat": now_s, "exp": now_s + HOLDS_S}
    return jwt.encode(head, claims, RSAKey.import_key(account.private_key), algorithms=[_ALGORITHM])
