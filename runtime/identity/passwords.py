"""Passwords: Argon2id, in threads, a few at a time: each hash takes 64 MB and a tenth of a second of the processors."""

import asyncio
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from runtime.core.errors import InvalidInputError

LEAST_CHARS: Final = 8
MOST_BYTES: Final = 1024
AT_ONCE: Final = 2


def check_password(password: str) -> None:
    """Pass if a password may be chosen.

    Raises:
        InvalidInputError: `weak_password` if it is too short, `invalid_input` if it is too long.
    """
    if len(password) < LEAST_CHARS:
        message = f"A password needs at least {LEAST_CHARS} characters."
        raise InvalidInputError(message, "weak_password")
    if len(password.encode(errors="surrogatepass")) > MOST_BYTES:
        message = f"Input exceeds allowed limits: a password may have {MOST_BYTES} bytes."
        raise InvalidInputError(message)


class Passwords:
    """Hashes and verifies. Without a hash it costs what it costs with one, so time tells nothing of who exists."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """Return the hash of a password that may be chosen. Raises InvalidInputError for another."""
        check_password(password)
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Tell whether a password is the one that was hashed; without a hash it is none."""
        async with self._turn:
            return await asyncio.to_thread(self._verify, password_hash, password)

    def is_outdated(self, password_hash: str) -> bool:
        """Tell whether a password would be hashed otherwise today."""
        return self._hasher.check_needs_rehash(password_hash)

    def _verify(self, password_hash: str | None, password: str) -> bool:
        if self._nobodys is None:
            self._nobodys = self._hasher.hash("nobody's")
        try:
            self._hasher.verify(password_hash or self._nobodys, password[:MOST_BYTES])
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False
        return password_hash is not None
