"""Envelopes: a value under a key of its own, and that key under the ring's (AES-256-GCM both).

Where the value is stored is authenticated with both, so neither opens anywhere else.
"""

import hashlib
import hmac
import os
from typing import Final, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from runtime.core.errors import SecretUnreadableError
from runtime.ports.vault import Place, Sealed
from runtime.vault.keyring import Key, Keyring

ALGORITHM: Final = "AES-256-GCM"
_NONCE_BYTES: Final = 12
_DEK_BYTES: Final = 32
_BOUND: Final = "perdure secret 1"  # what is authenticated beside the value: another way of doing it needs another
_FINGERPRINTS: Final = b"perdure fingerprint 1"
_FINGERPRINT_CHARS: Final = 16


class Envelope(msgspec.Struct, frozen=True):
    """A sealed value; bytes are base64 in its JSON. The nonce of the wrapped key stands in front of it."""

    version: Literal[1]
    alg: Literal["AES-256-GCM"]
    key_id: str
    dek_wrapped: bytes
    nonce: bytes
    ciphertext: bytes


_envelopes: Final = msgspec.json.Decoder(Envelope)


def seal(ring: Keyring, place: Place, value: str) -> Sealed:
    """Seal a value with the current key."""
    return Sealed(_sealed(ring.current, place, value.encode()), fingerprint(ring, place.org_id, value))


def unseal(ring: Keyring, place: Place, envelope: str) -> str:
    """Return the value of an envelope. Raises SecretUnreadableError, which says why."""
    return _opened(ring, place, envelope).decode()


def reseal(ring: Keyring, place: Place, envelope: str) -> str:
    """Return the same value under the current key. Raises SecretUnreadableError."""
    return _sealed(ring.current, place, _opened(ring, place, envelope))


def _sealed(key: Key, place: Place, value: bytes) -> str:
    bound, dek = _bound(place), os.urandom(_DEK_BYTES)
    wrapping, nonce = os.urandom(_NONCE_BYTES), os.urandom(_NONCE_BYTES)
    envelope = Envelope(
        version=1,
        alg=ALGORITHM,
        key_id=key.key_id,
        dek_wrapped=wrapping + AESGCM(key.material).encrypt(wrapping, dek, bound),
        nonce=nonce,
        ciphertext=AESGCM(dek).encrypt(nonce, value, bound),
    )
    return msgspec.json.encode(envelope).decode()


def _opened(ring: Keyring, place: Place, text: str) -> bytes:
    try:
        envelope = _envelopes.decode(text)
    except msgspec.MsgspecError:
        raise SecretUnreadableError(_where(place), "it is no envelope") from None
    key = ring.find(envelope.key_id)
    if key is None:
        reason = f"its key {envelope.key_id!r} is not here; there are {', '.join(key.key_id for key in ring.keys)}"
        raise SecretUnreadableError(_where(place), reason)
    bound = _bound(place)
    wrapping, wrapped = envelope.dek_wrapped[:_NONCE_BYTES], envelope.dek_wrapped[_NONCE_BYTES:]
    try:
        dek = AESGCM(key.material).decrypt(wrapping, wrapped, bound)
        return AESGCM(dek).decrypt(envelope.nonce, envelope.ciphertext, bound)
    except (InvalidTag, ValueError):  # the latter of a nonce or key of another length
        reason = f"it was changed or moved, or its key {key.key_id!r} is another one of that name"
        raise SecretUnreadableError(_where(place), reason) from None


def _bound(place: Place) -> bytes:
    return msgspec.json.encode((_BOUND, place.org_id, place.table, place.row, place.column))


def _where(place: Place) -> str:
    return f"{place.table} {place.row}"


def fingerprint(ring: Keyring, org_id: str, value: str) -> str:
    """Return what is the same for the same value of an organisation, and cannot be guessed without the current key."""
    kdf = HKDF(SHA256(), _DEK_BYTES, salt=org_id.encode(), info=_FINGERPRINTS)
    derived = kdf.derive(ring.current.material)
    return hmac.digest(derived, value.encode(), hashlib.sha256).hex()[:_FINGERPRINT_CHARS]
