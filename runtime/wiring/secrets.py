"""Keys and what they are to open: the check at a start, and `perdure keys`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from runtime.core.errors import InvalidInputError, SecretUnreadableError
from runtime.store.pool import Pool, open_pool
from runtime.store.rotation import KeyUse, Rotation
from runtime.vault.envelope import reseal, unseal
from runtime.vault.keyring import Keyring


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rotation came to: how many secrets are sealed with which key now, and what did not open, in words."""

    uses: Sequence[KeyUse]
    unreadable: Sequence[str]


async def check_secrets(dsn: str, keys: Keyring) -> None:
    """Pass if the keys open what is stored.

    Raises:
        InvalidInputError: they do not; the words say what to do.
        StoreUnavailableError: the database does not answer.
    """
    pool = await open_pool(dsn, max_size=1)
    try:
        await Rotation(pool).check(partial(unseal, keys))
    except SecretUnreadableError as err:
        message = (
            f"{err} Give the key that sealed it: as SECRETS_ENCRYPTION_KEY, or, while a rotation is under way, as "
            "SECRETS_ENCRYPTION_KEY_PREVIOUS (docs/secrets.md). If it is lost for good, `perdure keys discard` deletes "
            "what nobody can open any more."
        )
        raise InvalidInputError(message, "secrets_unreadable") from err
    finally:
        await pool.close()


async def rotate(pool: Pool, keys: Keyring, progress: Callable[[int], None]) -> Outcome:
    """Seal everything with the current key; may be broken off and begun again at any moment."""
    rotation = Rotation(pool)
    unreadable = await rotation.rotate(keys.current.key_id, partial(reseal, keys), progress)
    return Outcome(await rotation.uses(), unreadable)
