"""The key that seals secrets, and the one before it: from the settings, a file or a command, else one of the data dir.

A key is written `<key_id>:<base64 of 32 bytes>`. A file or a command says one or two lines: the current key, and the
one before a rotation.
"""

import base64
import binascii
import secrets
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from runtime.core.errors import InvalidInputError
from runtime.process.kept import kept_text
from runtime.process.settings import Settings

_CURRENT: Final = "SECRETS_ENCRYPTION_KEY"
_PREVIOUS: Final = "SECRETS_ENCRYPTION_KEY_PREVIOUS"
_FROM_FILE: Final = "SECRETS_ENCRYPTION_KEY_FILE"
_FROM_COMMAND: Final = "SECRETS_ENCRYPTION_KEY_COMMAND"
_FILE: Final = "secrets.key"
_KEY_BYTES: Final = 32  # AES-256
_KEYS_MOST: Final = 2
_COMMAND_TIMEOUT_S: Final = 30.0


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

    @property
    def keys(self) -> tuple[Key, ...]:
        """All of them."""
        return (self.current,) if self.previous is None else (self.current, self.previous)

    @property
    def ids(self) -> tuple[str, ...]:
        """Their ids, the current key's first."""
        return tuple(key.key_id for key in self.keys)

    def follows(self, other: "Keyring | None") -> bool:
        """Tell whether this is a newer ring than another, or no older one: the other's current key is not its past."""
        if self == other:
            return False
        return other is None or other.previous is None or other.previous != self.current

    def find(self, key_id: str) -> Key | None:
        """Return the key of that id, if it is there."""
        return next((key for key in self.keys if key.key_id == key_id), None)


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


def open_keyring(settings: Settings) -> Keyring:
    """Return the keys to use. Where the settings name none, they are in DIR/secrets.key (mode 0600), which is made.

    Raises:
        InvalidInputError: a key is malformed or cannot be had, or there are two places to take it from.
    """
    current, file = _shown(settings.secrets_encryption_key), settings.secrets_encryption_key_file
    command = settings.secrets_encryption_key_command
    if sum(source is not None for source in (current, file, command)) > 1:
        message = f"Only one of {_CURRENT}, {_FROM_FILE} and {_FROM_COMMAND} may be given."
        raise InvalidInputError(message, "invalid_settings")
    if current is not None:
        ring = Keyring(parse_key(current, _CURRENT))
    elif file is not None:
        ring = _ring(_read(file), f"{_FROM_FILE}={file}")
    elif command is not None:
        ring = _ring(_said_by(command), f"What {_FROM_COMMAND} says")
    else:
        kept = settings.data_dir / _FILE
        ring = _ring(kept_text(kept, _new_key), str(kept))
    previous = _shown(settings.secrets_encryption_key_previous)
    return ring if previous is None else Keyring(ring.current, parse_key(previous, _PREVIOUS))


def find_keyring(settings: Settings) -> Keyring | None:
    """Return the keys as `open_keyring` does, None where there are none: for who looks or deletes, and makes no key.

    Raises:
        InvalidInputError: see `open_keyring`; or there is only the key before a rotation.
    """
    sources = (
        settings.secrets_encryption_key,
        settings.secrets_encryption_key_file,
        settings.secrets_encryption_key_command,
    )
    if any(source is not None for source in sources) or (settings.data_dir / _FILE).exists():
        return open_keyring(settings)
    if settings.secrets_encryption_key_previous is not None:
        message = f"{_PREVIOUS} is given, and no current key is here."
        raise InvalidInputError(message, "invalid_settings")
    return None


def _ring(text: str, origin: str) -> Keyring:
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > _KEYS_MOST:
        message = f"{origin} has {len(lines)} lines: the current key, and the one before it, are all there may be."
        raise InvalidInputError(message, "invalid_settings")
    keys = [parse_key(line, origin) for line in lines or [""]]
    if len({key.key_id for key in keys}) != len(keys):
        message = f"{origin} has two keys of the id {keys[0].key_id!r}: a new key needs an id of its own."
        raise InvalidInputError(message, "invalid_settings")
    return Keyring(*keys)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        reason = err.strerror if isinstance(err, OSError) else "it is no text"
        message = f"{_FROM_FILE}={path} cannot be read: {reason}."
        raise InvalidInputError(message, "invalid_settings") from None


def _said_by(command: str) -> str:
    """Run a command without a shell. What it says to standard error goes to ours; what else it says may be a key."""
    try:
        done = subprocess.run(  # noqa: S603  the operator's own command
            shlex.split(command), stdout=subprocess.PIPE, timeout=_COMMAND_TIMEOUT_S, check=True, text=True
        )
    except subprocess.CalledProcessError as err:
        reason = f"it ended with {err.returncode}"
    except subprocess.TimeoutExpired:
        reason = f"it did not end within {_COMMAND_TIMEOUT_S:.0f} s"
    except (OSError, ValueError) as err:
        reason = getattr(err, "strerror", None) or "it is no command line"
    else:
        return done.stdout
    message = f"{_FROM_COMMAND} gave no key: {reason}."
    raise InvalidInputError(message, "invalid_settings")


def _shown(given: SecretStr | None) -> str | None:
    return None if given is None else given.get_secret_value()


def _new_key() -> str:
    return f"local-{secrets.token_hex(4)}:{base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}"
