"""Personal access tokens: made, shown once, and ended by their users."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from runtime.core.access.principal import Principal
from runtime.core.access.roles import Scope, parse_scopes
from runtime.core.errors import ForbiddenError
from runtime.identity.credentials import TOKEN_PREFIX, digest_of
from runtime.ports.identity import Initiator, NewToken, Token, Tokens
from runtime.process.mint import now

_RANDOM_BYTES: Final = 32
_SHOWN_CHARS: Final = 4  # of what is random, by which people know their tokens apart


class Minting:
    """Makes and ends tokens."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def mint(
        self,
        principal: Principal,
        name: str,
        by: Initiator,
        *,
        scopes: Sequence[str] | None = None,
        lifetime_days: int | None = None,
    ) -> tuple[Token, str]:
        """Return a new token and, this once, itself. It is worth no more than the credential that it is made with.

        Raises:
            InvalidInputError: `invalid_scope`.
            ForbiddenError: `insufficient_scope`: more is asked for than the credential is good for.
        """
        asked = None if scopes is None else parse_scopes(scopes)
        ends_at = None if lifetime_days is None else now() + timedelta(days=lifetime_days)
        most, last = await self._limits(principal)
        if most is not None and asked is not None and not asked <= most:
            message = f"This credential cannot give {', '.join(sorted(asked - most))}, which it does not have itself."
            raise ForbiddenError(message, "insufficient_scope")
        return await self.issue(
            principal.user_id,
            name,
            by,
            scopes=most if asked is None else asked,
            ends_at=min((moment for moment in (ends_at, last) if moment is not None), default=None),
            is_anonymous=principal.credential_id is None,
        )

    async def issue(
        self,
        user_id: str,
        name: str,
        by: Initiator,
        *,
        scopes: frozenset[Scope] | None = None,
        ends_at: datetime | None = None,
        is_anonymous: bool = False,
    ) -> tuple[Token, str]:
        """Return a new token of any user and, this once, itself."""
        key = TOKEN_PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        new = NewToken(
            user_id=user_id,
            name=name,
            digest=digest_of(key),
            shown_prefix=key[: len(TOKEN_PREFIX) + _SHOWN_CHARS],
            scopes=None if scopes is None else tuple(sorted(scopes)),
            expires_at=ends_at,
            is_anonymous=is_anonymous,
        )
        return await self._tokens.create(new, by), key

    async def list(self, user_id: str) -> Sequence[Token]:
        """Return a user's tokens, the newest first."""
        return await self._tokens.list(user_id)

    async def revoke(self, user_id: str, token_id: str, by: Initiator) -> None:
        """End a token of a user. Raises NotFoundError."""
        await self._tokens.revoke(user_id, token_id, by)

    async def _limits(self, principal: Principal) -> tuple[frozenset[Scope] | None, datetime | None]:
        made_with = principal.credential_id
        return await self._tokens.limits(made_with) if made_with and made_with.startswith("token_") else (None, None)
