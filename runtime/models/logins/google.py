"""Google's login for a service account: a token that it signs for itself, so nobody has to be asked for one.

https://google.aip.dev/auth/4111
"""

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
    """Return the account that a file describes.

    Raises:
        InvalidInputError: `unusable_credentials`: it is no such file, or its key cannot sign.
    """
    try:
        found = _accounts.decode(file)
        _signed(found, 0)
    except (msgspec.MsgspecError, JoseError, ValueError) as err:
        message = "service_account is the whole JSON file of a service account's key, with its private_key."
        raise InvalidInputError(message, "unusable_credentials", "credentials.service_account") from err
    return found


def token(file: str) -> str:
    """Return a token that is good for some minutes at least."""
    known = _tokens.get(file)
    if known is not None and time.monotonic() < known.good_until_s:
        return known.value
    value = _signed(_accounts.decode(file), int(now().timestamp()))
    _tokens[file] = _Token(value, time.monotonic() + HOLDS_S - MARGIN_S)
    if len(_tokens) > KEPT_MOST:
        _tokens.popitem(last=False)
    return value


def _signed(account: ServiceAccount, now_s: int) -> str:
    head = {"alg": _ALGORITHM, "typ": "JWT", "kid": account.private_key_id}
    who = account.client_email
    claims = {"iss": who, "sub": who, "scope": _SCOPE, "iat": now_s, "exp": now_s + HOLDS_S}
    return jwt.encode(head, claims, RSAKey.import_key(account.private_key), algorithms=[_ALGORITHM])
