"""Keys and what they are to open: the check at a start, and `perdure keys`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from runtime.agents.capability import Registry
from runtime.agents.withholding import withhold
from runtime.core.authored.definition import Layer
from runtime.core.errors import InvalidInputError, SecretUnreadableError
from runtime.ports.secrets import KeyUse
from runtime.process.log import get_logger
from runtime.store.clear_definitions import ClearDefinition, ClearDefinitions
from runtime.store.layer_secrets import DefinitionSecrets
from runtime.store.pool import Pool, open_pool
from runtime.store.rotation import Rotation
from runtime.store.tenant import Tenant
from runtime.vault.envelope import reseal, unseal
from runtime.vault.keyring import Keyring
from runtime.vault.local import LocalVault

log = get_logger(__name__)


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


async def withhold_stored(dsn: str, keys: Keyring) -> None:
    """Take secrets out of definitions that an older version stored with them; once for a database, over any crash.

    Raises:
        StoreUnavailableError: the database does not answer.
    """
    pool = await open_pool(dsn, max_size=2)
    try:
        definitions = ClearDefinitions(pool)
        while not await definitions.are_done():
            found = await definitions.find()
            if all([await _withhold(pool, keys, definitions, clear) for clear in found]):
                await definitions.note_done()
    finally:
        await pool.close()


async def _withhold(pool: Pool, keys: Keyring, definitions: ClearDefinitions, clear: ClearDefinition) -> bool:
    """Take the secrets out of one definition; False if it was changed meanwhile."""
    tenant = Tenant(pool, clear.org_id)
    secrets = DefinitionSecrets(tenant, LocalVault(keys), clear.kind, clear.owner_id)
    layer = Layer(mcp_servers=clear.config["mcp_servers"])
    try:
        withheld = await withhold(layer, Registry(()), secrets)
        if not withheld.given:
            return True
        await secrets.put(withheld.given)
    except InvalidInputError as err:  # what cannot be a secret stays what it is
        log.warning("definition_not_withheld", kind=clear.kind.value, owner=clear.owner_id, reason=str(err))
        return True
    return await definitions.replace(clear, {**clear.config, "mcp_servers": withheld.layer.mcp_servers})


async def rotate(pool: Pool, keys: Keyring, progress: Callable[[int], None]) -> Outcome:
    """Seal everything with the current key; may be broken off and begun again at any moment."""
    rotation = Rotation(pool)
    unreadable = await rotation.rotate(keys.current.key_id, partial(reseal, keys), progress)
    return Outcome(await rotation.uses(), unreadable)
