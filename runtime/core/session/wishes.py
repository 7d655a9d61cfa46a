"""What the message that is being answered asks of its turn."""

from typing import Final

from runtime.core.message import Controls, Role
from runtime.core.session.state import SessionState

NO_WISHES: Final = Controls()


def wishes(state: SessionState) -> Controls:
    """Return the controls of the newest user's message that the open or last model call was given."""
    count = (state.turn.heard if state.turn is not None else 0) or len(state.messages)
    newest = next((turned for turned in state.back_from(count) if turned.message.role is Role.USER), None)
    return (newest.message.controls if newest else None) or NO_WISHES
