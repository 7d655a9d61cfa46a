"""Secrets as clients send them, and what is shown of them: that they are set, and a fingerprint."""

from typing import Final, Literal, Self

from pydantic import Field, SecretStr

from api.schemas.fields import Body, Reply
from runtime.ports.secrets import KeyStanding, KeyState, SecretInfo

MAX_SET: Final = 1000  # secrets in one request


class SecretsBody(Body):
    """Secrets to set, by name; those that are not named stay."""

    secrets: dict[str, SecretStr] = Field(max_length=MAX_SET)

    def values(self) -> dict[str, str]:
        """Return the values themselves."""
        return {name: value.get_secret_value() for name, value in self.secrets.items()}


class SecretsCount(Reply):
    """How many secrets there are now."""

    count: int


class SecretReply(Reply):
    """A secret without its value."""

    name: str
    set: Literal[True] = True
    fingerprint: str
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, info: SecretInfo) -> Self:
        """Return what is shown of a secret."""
        return cls(name=info.name, fingerprint=info.fingerprint, created_at=info.created_at, updated_at=info.updated_at)


class ConnectionBody(Body):
    """The key of an account elsewhere."""

    api_key: SecretStr = Field(min_length=1)


class ConnectionReply(Reply):
    """An account elsewhere, without its key."""

    provider: str
    connection_type: Literal["api_key"] = "api_key"
    fingerprint: str
    created_at: str
    updated_at: str
    connected_at: str

    @classmethod
    def of(cls, info: SecretInfo) -> Self:
        """Return what is shown of an account elsewhere."""
        return cls(
            provider=info.name,
            fingerprint=info.fingerprint,
            created_at=info.created_at,
            updated_at=info.updated_at,
            connected_at=info.updated_at,
        )


class SecretKeyReply(Reply):
    """A key, how many secrets of the organisation it seals, and what it is to this server."""

    key_id: str
    secrets: int
    state: KeyState

    @classmethod
    def of(cls, key: KeyStanding) -> Self:
        """Return it as the wire shows it."""
        return cls(key_id=key.key_id, secrets=key.secrets, state=key.state)
