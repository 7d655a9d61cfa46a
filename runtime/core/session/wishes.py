"""What the message that is being answered asks of its turn."""

from typing import Final

from runtime.core.message import Controls, Role
from runtime.core.session.state import SessionState

NO_WISHES: Final = Controls()


def wishes(state: SessionState) -> Controls:
    """Return the controls of the newest user's message that the open or last model call was given."""
    heard = state.turn.heard if state.turn is not None else 0
    for turned in reversed(state.messages[: heard or None]):
        if turned.message.role is Role.USER:
            return turned.message.controls or NO_WISHES
    return NO_WISHES
