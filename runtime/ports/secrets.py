"""The secrets that are kept for somebody: written, named, used and deleted, and never shown."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec


class Kind(StrEnum):
    """Whose secrets they are. The value is a word of the table and bound to each envelope, so it never changes."""

    SESSION = "session"  # set by clients and tools, for tools
    CONNECTION = "connection"  # a user's accounts elsewhere
    AGENT = "agent"  # what a definition holds: headers of MCP servers, fields of capabilities
    HARNESS = "harness"
    LAYER = "layer"  # the same of a session
    PROVIDER = "provider"  # keys of vendors


class SecretInfo(msgspec.Struct, frozen=True):
    """What may be shown of a secret."""

    name: str
    fingerprint: str
    created_at: str
    updated_at: str


class KeyUse(msgspec.Struct, frozen=True):
    """How many secrets are sealed with a key."""

    key_id: str
    secrets: int


class KeyState(StrEnum):
    """What a key is to a server."""

    CURRENT = "current"  # seals
    PREVIOUS = "previous"  # only opens, until everything is sealed anew
    MISSING = "missing"  # is not there: what it seals does not open


class KeyStanding(msgspec.Struct, frozen=True):
    """A key, what it seals, and what it is to this server."""

    key_id: str
    secrets: int
    state: KeyState


def standings(uses: Iterable[KeyUse], ids: Sequence[str]) -> list[KeyStanding]:
    """Return how each key stands, by id; `ids` are those of the server's own keys, the current one first."""
    secrets = {**dict.fromkeys(ids, 0), **{use.key_id: use.secrets for use in uses}}
    return [KeyStanding(key_id, secrets[key_id], _state(key_id, ids)) for key_id in sorted(secrets)]


def _state(key_id: str, ids: Sequence[str]) -> KeyState:
    if key_id not in ids:
        return KeyState.MISSING
    return KeyState.CURRENT if key_id == ids[0] else KeyState.PREVIOUS


class KeyUses(Protocol):
    """Which keys seal secrets."""

    async def uses(self) -> Sequence[KeyUse]:
        """Return the keys with which something is sealed, by their ids."""
        ...


class Secrets(Protocol):
    """The secrets of one owner: a session, a user, an agent."""

    async def put(self, values: Mapping[str, str]) -> int:
        """Store values under names, all of them or none; return how many secrets there are now.

        Raises:
            InvalidInputError: a name or value cannot be kept, or there would be too many.
        """
        ...

    async def list(self) -> Sequence[SecretInfo]:
        """Return what may be shown of each, by name."""
        ...

    async def reveal(self, name: str) -> str | None:
        """Return a value, for whoever uses it; None if there is none.

        Raises:
            SecretUnreadableError: it does not open.
        """
        ...

    async def delete(self, name: str) -> bool:
        """Forget a secret; False if it was not there."""
        ...


class SessionSecrets(Secrets, Protocol):
    """The secrets of a session, and those of the definitions that it stands on."""

    async def redeem(self, handle: Mapping[str, Any]) -> str:
        """Return the secret of which a definition shows `{"set": true, "fingerprint": "…"}`, for whoever uses it.

        Raises:
            NotFoundError: no definition of the session's organisation has one with that fingerprint any more.
            SecretUnreadableError: it does not open.
        """
        ...


class Connections(Protocol):
    """A user's accounts elsewhere, as a session uses them."""

    async def reveal(self, name: str) -> str | None:
        """Return the key of one, for whoever uses it; None if there is none.

        Raises:
            ForbiddenError: the user is no member any more, or has said nothing in the session.
            SecretUnreadableError: it does not open.
        """
        ...


class LayerSecrets(Protocol):
    """The secrets of one definition: of an agent, a harness, or what a session adds."""

    async def fingerprint(self, value: str) -> str:
        """Return what is shown of a value."""
        ...

    async def check_kept(self, kept: Mapping[str, str]) -> None:
        """Pass if these secrets are there with these fingerprints, by name. Raises InvalidInputError."""
        ...

    async def replace(self, given: Mapping[str, str], kept: Iterable[str], scopes: Sequence[str]) -> None:
        """Store what is given, and forget what is neither given nor kept of all names that begin with a scope."""
        ...
