"""A server without authentication, which listens to its own machine only."""

from runtime.core.access.principal import ANONYMOUS, Principal
from runtime.ports.access import Revoked, Shown


class Anonymous:
    """Takes everybody for the same administrator, whatever they show: clients insist on showing something."""

    async def principal(self, _shown: Shown) -> Principal:
        """Return the one that everybody is."""
        return ANONYMOUS

    def on_revoked(self, _listener: Revoked) -> None:
        """Do nothing: nothing is shown that could be revoked."""
