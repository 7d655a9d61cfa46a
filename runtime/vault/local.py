"""The vault of a process that holds the keys itself: a front door, the supervisor, the command line."""

from runtime.ports.vault import Place, Sealed
from runtime.vault.envelope import fingerprint, seal, unseal
from runtime.vault.keyring import Keyring


class LocalVault:
    """Seals and opens with a ring of keys (`runtime.ports.vault.Vault`)."""

    def __init__(self, ring: Keyring) -> None:
        self._ring = ring

    async def seal(self, place: Place, value: str) -> Sealed:
        """Return a value as it may be stored there."""
        return seal(self._ring, place, value)

    async def fingerprint(self, org_id: str, value: str) -> str:
        """Return what `seal` would show of a value of an organisation."""
        return fingerprint(self._ring, org_id, value)

    async def open(self, place: Place, envelope: str) -> str:
        """Return the value that is stored there. Raises SecretUnreadableError."""
        return unseal(self._ring, place, envelope)
