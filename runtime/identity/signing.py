"""What this server signs, for itself to read: access tokens, and what it must know again when a browser comes back.

Signed by HMAC with SHA-256 (`HS256`) and nothing else, so a token cannot choose how it is checked.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from runtime.process.kept import kept_text
from runtime.process.mint import now

ISSUER: Final = "perdure"
_ALGORITHM: Final = "HS256"
_FILE: Final = "jwt.key"
_SECRET_BYTES: Final = 32


class SigningKey:
    """The key of all front doors of a deployment."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._key = OctKey.import_key(self._secret)

    def sign(self, audience: str, claims: Mapping[str, Any], lifetime_s: float) -> str:
        """Return a JWT for those who read as `audience`, good for `lifetime_s` seconds."""
        issued_at = int(now().timestamp())
        own = {"iss": ISSUER, "aud": audience, "iat": issued_at, "exp": issued_at + int(lifetime_s)}
        return jwt.encode({"alg": _ALGORITHM}, {**claims, **own, "jti": secrets.token_hex(16)}, self._key)

    def read(self, token: str, audience: str) -> Mapping[str, Any] | None:
        """Return the claims of a JWT of ours that is good for `audience` now; None for any other text."""
        wanted = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
        )
        try:
            claims = jwt.decode(token, self._key, algorithms=[_ALGORITHM]).claims
            wanted.validate(claims)
        except (JoseError, ValueError, TypeError):  # the last of a `crit` that is no list
            return None
        return claims

    def digest(self, purpose: str, text: str) -> bytes:
        """Return 32 bytes that follow from a text, and that nobody else can find."""
        return hmac.digest(self._secret, f"{purpose}:{text}".encode(), hashlib.sha256)


def open_signing_key(given: str | None, data_dir: Path) -> SigningKey:
    """Return the key of the settings, else that of the data dir (mode 0600), made if it is not there."""
    return SigningKey(given or kept_text(data_dir / _FILE, lambda: secrets.token_urlsafe(_SECRET_BYTES)))
