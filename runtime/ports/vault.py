"""What keeps secrets unreadable where they are stored: values go in, envelopes come out, and the other way round.

Whoever stores one keeps the envelope as JSON, and beside it what may be shown of it. Who opens it names the same place
again, so an envelope that was moved to another row, column or organisation does not open.
"""

from typing import Protocol

import msgspec


class Place(msgspec.Struct, frozen=True):
    """Where a value is stored. `row` is its key, in text; it must not change as long as the value is there."""

    org_id: str
    table: str
    row: str
    column: str


class Sealed(msgspec.Struct, frozen=True):
    """A value as it is stored: the envelope (JSON), and a fingerprint, which tells equal values and nothing more."""

    envelope: str
    fingerprint: str


class Vault(Protocol):
    """Holds the keys, or knows who does."""

    async def seal(self, place: Place, value: str) -> Sealed:
        """Return a value as it may be stored there.

        Raises:
            TransientError: who holds the keys cannot be reached now.
        """
        ...

    async def fingerprint(self, org_id: str, value: str) -> str:
        """Return what `seal` would show of a value of an organisation, of which the id is given as bare hex digits."""
        ...

    async def open(self, place: Place, envelope: str) -> str:
        """Return the value that is stored there.

        Raises:
            SecretUnreadableError: it was sealed for another place, with a key that is not there, or has been changed.
            ForbiddenError: whoever asks does not hold that session.
            TransientError: who holds the keys cannot be reached now.
        """
        ...
