"""Accounts elsewhere, of the user whom a turn answers, as tools use them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from runtime.core.errors import ToolError


@dataclass(frozen=True, slots=True)
class Connection:
    """A user's account at a `provider`, such as github. What it opens with, a tool has for as long as it uses it."""

    provider: str
    _open: Callable[[str], Awaitable[str | None]] | None = field(repr=False)  # None: nobody knows whose

    async def reveal(self) -> str:
        """Return the key of the account, for whoever uses it, and know it as a secret.

        Raises:
            ToolError: the user has connected no such account, or the turn answers several users.
            SecretUnreadableError: it does not open.
        """
        if self._open is None:
            message = f"No account at {self.provider} can be used: this turn does not answer one user alone."
            raise ToolError(message)
        key = await self._open(self.provider)
        if key is None:
            message = (
                f"The user has connected no account at {self.provider}. They can: in the settings, or by "
                f"POST /api/v1/user/connections/{self.provider}."
            )
            raise ToolError(message)
        return key
