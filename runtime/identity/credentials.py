"""The kinds of credentials, and how each is read: personal access tokens, access tokens of logins."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol

from runtime.core.ids import is_id
from runtime.identity.signing import ISSUER, SigningKey
from runtime.ports.identity import Standing, Standings

TOKEN_PREFIX: Final = "evr_pat_"  # noqa: S105  what tokens begin with, and none of them
_OURS: Final = "evr_"  # older tokens begin with no more than that
NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Read(NamedTuple):
    """What a credential is worth, and until when."""

    standing: Standing
    expires_at: datetime


class Reader(Protocol):
    """Reads credentials of one kind."""

    async def read(self, token: str) -> Read | None:
        """Return what a credential is worth; None for one of another kind, or that is not good."""
        ...


class TokenReader:
    """Reads personal access tokens."""

    def __init__(self, standings: Standings) -> None:
        self._standings = standings

    async def read(self, token: str) -> Read | None:
        """Look it up by its digest."""
        if not token.startswith(_OURS):
            return None
        standing = await self._standings.of_token(digest_of(token))
        return None if standing is None else Read(standing, standing.expires_at or NEVER)


class LoginReader:
    """Reads the access tokens of logins."""

    def __init__(self, standings: Standings, key: SigningKey) -> None:
        self._standings = standings
        self._key = key

    async def read(self, token: str) -> Read | None:
        """Check the signature, and look up the login."""
        claims = self._key.read(token, ISSUER)
        if claims is None or not is_id("login", claims.get("sid", "")):
            return None
        standing = (await self._standings.several([claims["sid"]])).get(claims["sid"])
        return None if standing is None else Read(standing, expiry(claims))


def expiry(claims: Mapping[str, Any]) -> datetime:
    """Return when a JWT ends."""
    return datetime.fromtimestamp(claims["exp"], UTC)


def digest_of(token: str) -> bytes:
    """Return what is kept of a token: its SHA-256, for it is too random to be guessed from that."""
    return hashlib.sha256(token.encode(errors="replace")).digest()
