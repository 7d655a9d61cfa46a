"""The key that seals secrets, and the one before it: from the settings, else made once and kept in the data dir.

Written `<key_id>:<base64 of 32 bytes>`.
"""

import base64
import binascii
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runtime.core.errors import InvalidInputError
from runtime.process.kept import kept_text

_CURRENT: Final = "SECRETS_ENCRYPTION_KEY"
_PREVIOUS: Final = "SECRETS_ENCRYPTION_KEY_PREVIOUS"
_FILE: Final = "secrets.key"
_KEY_BYTES: Final = 32  # AES-256


@dataclass(frozen=True, slots=True)
class Key:
    """A key-encryption key. `material` is 32 bytes and never shown."""

    key_id: str
    material: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keyring:
    """`current` seals and opens; `previous` only opens, during a rotation."""

    current: Key
    previous: Key | None = None


def parse_key(text: str, origin: str) -> Key:
    """Read a key; `origin` says in errors where it came from.

    Raises:
        InvalidInputError: it is malformed. The message does not hold the key.
    """
    key_id, _, encoded = text.strip().partition(":")
    try:
        material = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        material = b""
    if not key_id or len(material) != _KEY_BYTES:
        message = f'{origin} must be <key_id>:<base64 of {_KEY_BYTES} bytes>: echo "key-1:$(openssl rand -base64 32)"'
        raise InvalidInputError(message, "invalid_settings")
    return Key(key_id, material)


def check_keys(current: str | None, previous: str | None) -> None:
    """Pass if keys of the settings are well formed, or not given. Raises InvalidInputError."""
    if current:
        parse_key(current, _CURRENT)
    if previous:
        parse_key(previous, _PREVIOUS)


def open_keyring(current: str | None, previous: str | None, data_dir: Path) -> Keyring:
    """Return the keys to use. Without `current`, that is DIR/secrets.key (mode 0600), made if it is not there.

    Raises:
        InvalidInputError: a key is malformed.
    """
    key = parse_key(current, _CURRENT) if current else _kept_key(data_dir / _FILE)
    return Keyring(key, parse_key(previous, _PREVIOUS) if previous else None)


def _kept_key(path: Path) -> Key:
    return parse_key(kept_text(path, _new_key), str(path))


def _new_key() -> str:
    return f"local-{secrets.token_hex(4)}:{base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}"
