"""How two processes that know an actor's key agree on the keys of one connection, and so show each other that they do.

Each side greets the other with a public key that it made for this connection (X25519). From the secret that the pair
has in common, the actor's key and both greetings come the keys of the two directions (HKDF, RFC 5869). Who lacks the
actor's key can neither seal nor open a record, so the first that opens is the proof; what was said on another
connection, or by oneself, does not open. These are the parts of Noise's NNpsk0 (noiseprotocol.org).

The actor's key is told in calls through Ray. Who reads it there and listens here learns nothing still; who reads it and
can also put itself between the two sides, can.
"""

from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from runtime.wire.records import KEY_BYTES, ForgedError, Opener, Sealer

GREETING_BYTES: Final = 32

_PURPOSE: Final = b"perdure connection 1"  # of the keys: another way of doing it needs another


class Handshake:
    """One side of it. `key` is the actor's; `is_caller`: this side has dialled."""

    def __init__(self, key: bytes, *, is_caller: bool) -> None:
        self._key = key
        self._is_caller = is_caller
        self._own = X25519PrivateKey.generate()
        self.greeting = self._own.public_key().public_bytes_raw()

    def agree(self, greeting: bytes) -> tuple[Sealer, Opener]:
        """Return what seals for the other side, and what opens what it has sealed. Takes its greeting.

        Raises:
            ForgedError: that is none.
        """
        try:
            secret = self._own.exchange(X25519PublicKey.from_public_bytes(greeting))
        except ValueError as err:  # a point with which every secret would be the same
            message = "a greeting holds no key"
            raise ForgedError(message) from err
        callers, takers = (self.greeting, greeting) if self._is_caller else (greeting, self.greeting)
        kdf = HKDF(SHA256(), 2 * KEY_BYTES, salt=self._key, info=_PURPOSE + callers + takers)
        keys = kdf.derive(secret)
        to_taker, to_caller = keys[:KEY_BYTES], keys[KEY_BYTES:]
        own, others = (to_taker, to_caller) if self._is_caller else (to_caller, to_taker)
        return Sealer(own), Opener(others)
