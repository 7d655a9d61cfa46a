"""Whom a turn answers."""

from runtime.core.message import Role
from runtime.core.session.state import SessionState, Turn


def asker(state: SessionState, turn: Turn) -> str | None:
    """Return the user whose messages the model was given in this turn.

    None if they are several users', for one could have another's accounts used; and if nobody noted whose they are.
    """
    users: set[str | None] = set()
    for turned in state.back_from(turn.heard):
        if turned.message.role is Role.USER:
            users.add(turned.user_id)
        if turned.message.id == turn.input_message_id:
            break
    return users.pop() if len(users) == 1 else None
