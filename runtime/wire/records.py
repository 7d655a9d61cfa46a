"""The records of a connection: what is said, in pieces that are sealed one by one (AES-256-GCM).

A record is a header of four bytes, which says how long the rest is and whether the value goes on in the next record,
and the sealed piece, with which the header is authenticated. The nonce is the record's number in its direction, so one
that was changed, repeated, left out or moved does not open. A record is small, for it must be read whole before it is
known who sent it; a value may be large.
"""

import itertools
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
HEADER_BYTES: Final = 4
TAG_BYTES: Final = 16
PIECE_BYTES: Final = 1 << 20
STRANGER_BYTES: Final = 1 << 10  # of a first record: whoever sends it has not shown yet that it knows the key
VALUE_BYTES: Final = 1 << 31  # no setting lets anything in that is half as large

_NONCE_BYTES: Final = 12
_GOES_ON: Final = 1


class ForgedError(ConnectionError):
    """What came is not what the other side would have sent next."""


class Sealer:
    """Makes the records of one direction, which must be sent in the order in which they are made."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._numbers = itertools.count()

    def seal(self, value: bytes | bytearray) -> list[bytes]:
        """Return the records of a value."""
        size = len(value)
        if size <= PIECE_BYTES:
            return [self._record(value, goes_on=False)]
        whole, ends = memoryview(value), range(PIECE_BYTES, size + PIECE_BYTES, PIECE_BYTES)
        return [self._record(whole[end - PIECE_BYTES : end], goes_on=end < size) for end in ends]

    def _record(self, piece: bytes | bytearray | memoryview, *, goes_on: bool) -> bytes:
        header = ((len(piece) + TAG_BYTES) << 1 | goes_on).to_bytes(HEADER_BYTES)
        return header + self._cipher.encrypt(next(self._numbers).to_bytes(_NONCE_BYTES), piece, header)


class Opener:
    """Opens the records of one direction; after an error it is of no use any more."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._numbers = itertools.count()
        self._most_bytes = STRANGER_BYTES
        self._pieces: list[bytes] = []
        self._value_bytes = 0

    def length(self, header: bytes) -> int:
        """Return how many bytes follow a header. Raises ForgedError if they are more than may be."""
        length = int.from_bytes(header) >> 1
        if length > self._most_bytes or self._value_bytes + length > VALUE_BYTES:
            message = f"a record of {length} bytes is longer than it may be"
            raise ForgedError(message)
        return length

    def open(self, header: bytes, sealed: bytes) -> bytes | None:
        """Take the next record; return the value that it completes, or None if that goes on.

        Raises:
            ForgedError: it is not the next one, or not of the other side.
        """
        try:
            piece = self._cipher.decrypt(next(self._numbers).to_bytes(_NONCE_BYTES), sealed, header)
        except InvalidTag as err:
            message = "a record does not open"
            raise ForgedError(message) from err
        self._most_bytes = PIECE_BYTES + TAG_BYTES
        self._pieces.append(piece)
        self._value_bytes += len(piece)
        if header[-1] & _GOES_ON:
            return None
        value = b"".join(self._pieces)
        self._pieces.clear()
        self._value_bytes = 0
        return value
