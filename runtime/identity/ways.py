"""How people log in on this server, as its settings say."""

import msgspec

from runtime.process.auth_settings import AuthMode


class Ways(msgspec.Struct, frozen=True, kw_only=True):
    """The ways in. `providers` are names of identity providers that browsers can be sent to."""

    mode: AuthMode
    providers: tuple[str, ...] = ()
    is_open_to_all: bool = False  # whoever comes may register

    @property
    def takes_passwords(self) -> bool:
        """Whether there are passwords to log in with."""
        return self.mode in (AuthMode.ADMIN, AuthMode.FULL)

    @property
    def takes_newcomers(self) -> bool:
        """Whether users can be made by themselves."""
        return self.mode is AuthMode.FULL and self.is_open_to_all
