"""Tokens that an issuer signs for this server, as programs of an organisation have them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from runtime.core.access.roles import MemberRole
from runtime.federation.issuer import Issuer
from runtime.federation.roles import RoleMapping
from runtime.ports.federation import Verified, Vouched

_DOTS: Final = 2  # between the parts of a JWT


class IssuerVerifier:
    """Reads an issuer's tokens (`runtime.ports.federation.Verifier`)."""

    def __init__(self, issuer: Issuer, audience: str, roles: RoleMapping) -> None:
        self._issuer = issuer
        self._audience = audience
        self._roles = roles

    async def verify(self, token: str) -> Verified | None:
        """Return whom a token names."""
        if token.count(".") != _DOTS:
            return None
        claims = await self._issuer.verify(token, self._audience)
        if claims is None:
            return None
        ends_at = datetime.fromtimestamp(claims["exp"], UTC)
        return Verified(vouched_by(self._issuer, claims, self._roles.role(claims)), ends_at)


def vouched_by(issuer: Issuer, claims: Mapping[str, Any], role: MemberRole | None) -> Vouched:
    """Return whom claims describe. An address counts only if the issuer says that it is theirs."""
    email = claims.get("email") if claims.get("email_verified") in (True, "true") else None
    picture = str(claims.get("picture") or "")
    return Vouched(
        issuer=issuer.url,
        subject=str(claims["sub"]),
        email=str(email) if email else None,
        name=str(claims.get("name") or claims.get("preferred_username") or "")[:200],
        avatar_url=picture if picture.startswith("https://") else None,
        role=role,
    )
