"""What is secret of what Ray is told: sealed with a key that follows from the cluster's token.

Ray keeps the arguments of actors in its tables, logs what it likes, and sends them from node to node. Whoever has the
token runs code in the cluster anyway; nobody else can open this. A cluster without a token is open to everybody, and
there it hides nothing from who looks for it.
"""

import os
from typing import Final

import structlog
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from ray._raylet import AuthenticationTokenLoader  # type: ignore[attr-defined]  # not in Ray's stub

log = structlog.get_logger(__name__)

_PURPOSE: Final = b"perdure site 1"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


def seal(value: bytes) -> bytes:
    """Seal a value for the processes of this cluster."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher().encrypt(nonce, value, _PURPOSE)


def unseal(sealed: bytes) -> bytes:
    """Return a value that another process of this cluster sealed. Raises InvalidTag: of another cluster."""
    return _cipher().decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _PURPOSE)


def _cipher() -> AESGCM:
    token = AuthenticationTokenLoader.instance().get_raw_token() or b""
    if isinstance(token, str):
        token = token.encode()
    if not token:
        log.debug("site_not_sealed", reason="the Ray cluster has no token")
    return AESGCM(HKDF(SHA256(), _KEY_BYTES, salt=None, info=_PURPOSE).derive(token))
