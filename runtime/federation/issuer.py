"""An OpenID Connect issuer: what it says of itself, its keys, and the tokens that it signs (Core 1.0, 3.1.3.7).

Its document and keys are read once and kept; a token with a key that is not known has them read again, but not more
often than every ten seconds, or whoever sends nonsense would have us ask for each.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

import httpx
import structlog
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from runtime.core.errors import ProviderUnavailableError

log = structlog.get_logger(__name__)

TIMEOUT_S: Final = 10.0
KEPT_S: Final = 3600.0
LEAST_S: Final = 10.0
RETRY_S: Final = 2.0  # of one that has not answered yet
LEEWAY_S: Final = 60  # by which its clock and ours may differ
# Keys of others verify; what is signed with a shared secret, or not at all, says nothing.
ALGORITHMS: Final = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
]
_PATH: Final = "/.well-known/openid-configuration"


class Issuer:
    """One issuer, by its address."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self.url = url
        self._http = http
        self._metadata: dict[str, Any] = {}
        self._keys = KeySet([])
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def metadata(self) -> Mapping[str, Any]:
        """Return what it says of itself. Raises ProviderUnavailableError."""
        await self._read(KEPT_S)
        return self._metadata

    async def verify(self, token: str, audience: str) -> Mapping[str, Any] | None:
        """Return the claims of a token of this issuer for an audience; None for any other text.

        Raises:
            ProviderUnavailableError: its keys cannot be read.
        """
        wanted = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.url},
            aud={"essential": True, "value": audience},
            sub={"essential": True},
            exp={"essential": True},
        )
        for at_most_s in (KEPT_S, LEAST_S):
            await self._read(at_most_s)
            try:
                claims = jwt.decode(token, self._keys, algorithms=ALGORITHMS).claims
                wanted.validate(claims)
            except InvalidKeyIdError:
                continue  # perhaps a new one
            except (JoseError, ValueError, TypeError):  # the last of a `crit` that is no list
                return None
            return claims if isinstance(claims["sub"], str) else None
        return None

    async def _read(self, at_most_s: float) -> None:
        """Read document and keys, if those that there are are older than that. Those who wait meanwhile wait once."""
        if self._is_due(at_most_s):  # who needs nothing new waits for nobody
            async with self._reading:
                if self._is_due(at_most_s):
                    await self._try()
                    self._read_at = time.monotonic()
        if not self._metadata:
            raise ProviderUnavailableError(provider=self.url)

    def _is_due(self, at_most_s: float) -> bool:
        return time.monotonic() - self._read_at >= (at_most_s if self._metadata else RETRY_S)

    async def _try(self) -> None:
        try:
            metadata = await self._get(self.url.rstrip("/") + _PATH)
            keys = await self._get(metadata["jwks_uri"])
            self._metadata, self._keys = metadata, _usable(keys["keys"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as err:
            log.warning("identity_provider_not_read", issuer=self.url, error=type(err).__name__)

    async def _get(self, url: str) -> dict[str, Any]:
        reply = await self._http.get(url)
        found: dict[str, Any] = reply.raise_for_status().json()
        return found


def _usable(keys: list[dict[str, Any]]) -> KeySet:
    """Return the keys that can be read: there may be some of kinds that nobody here knows."""
    usable = []
    for key in keys:
        try:
            usable += KeySet.import_key_set({"keys": [key]}).keys
        except (JoseError, ValueError):
            continue
    return KeySet(usable)
