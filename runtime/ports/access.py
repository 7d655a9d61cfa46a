"""Who asks: from what a request shows to the principal that it acts as."""

from collections.abc import Callable, Collection
from typing import Protocol, TypeAlias

import msgspec

from runtime.core.access.principal import Principal

Revoked: TypeAlias = Callable[[Collection[str]], None]  # is told the ids of credentials


class Shown(msgspec.Struct, frozen=True):
    """What a request shows of its sender. `token` is the credential alone; `org` the organisation it names, if any."""

    token: str | None = None
    org: str | None = None


class Authenticator(Protocol):
    """Tells whose a credential is. It belongs to one process, and learns within a second of what was revoked."""

    async def principal(self, shown: Shown) -> Principal:
        """Return as whom a request acts.

        Raises:
            UnauthenticatedError: it shows no credential, or none that is good.
            InvalidInputError: what it names is no id of an organisation.
            NotFoundError: there is no such organisation, for this user.
            ForbiddenError: it names none, and the user is in none.
            StoreUnavailableError: this credential is not known yet, and the database is away.
        """
        ...

    def on_revoked(self, listener: Revoked) -> None:
        """Have a listener told of credentials that are not good any more, or not for what they were good for."""
        ...
