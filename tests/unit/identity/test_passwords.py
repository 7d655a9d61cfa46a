from typing import Literal

import pytest
from argon2 import PasswordHasher

from runtime.core.errors import InvalidInputError
from runtime.identity.passwords import Passwords, check_password
from tests.identity import FAST_HASHER


class CountingHasher(PasswordHasher):
    """Counts what costs time."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002  argon2's name
        self.verified += 1
        return super().verify(hash, password)


@pytest.mark.parametrize("password", ["", "7 chars", "x" * 1025, "é" * 513])
async def test_a_password_that_is_too_short_or_too_long_is_not_hashed(password: str) -> None:
    with pytest.raises(InvalidInputError):
        await Passwords(FAST_HASHER).hash(password)


def test_eight_characters_are_enough_and_so_are_1024_bytes() -> None:
    check_password("8 chars!")
    check_password("x" * 1024)


async def test_only_the_password_that_was_hashed_is_right() -> None:
    passwords = Passwords(FAST_HASHER)
    hashed = await passwords.hash("correct horse")
    assert await passwords.verify(hashed, "correct horse")
    assert not await passwords.verify(hashed, "correct hors")
    assert not await passwords.verify("no hash", "correct horse")


async def test_nobody_costs_the_same_work_as_somebody() -> None:
    hasher = CountingHasher()
    passwords = Passwords(hasher)
    hashed = await passwords.hash("correct horse")
    assert not await passwords.verify(hashed, "wrong horse")
    for_somebody, hasher.verified = hasher.verified, 0
    assert not await passwords.verify(None, "wrong horse")
    assert hasher.verified == for_somebody == 1


async def test_what_the_hash_of_nobody_was_made_of_opens_nothing() -> None:
    assert not await Passwords(FAST_HASHER).verify(None, "nobody's")


async def test_a_hash_of_other_parameters_is_outdated() -> None:
    hashed = await Passwords(FAST_HASHER).hash("correct horse")
    assert Passwords().is_outdated(hashed)
    assert not Passwords(FAST_HASHER).is_outdated(hashed)
