"""A turn answers one user, or nobody in particular."""

import pytest

from runtime.core.message import Message, Role, Turned
from runtime.core.session.asker import asker
from runtime.core.session.state import SessionState, Turn


def said(number: int, user_id: str | None = None, role: Role = Role.USER) -> Turned:
    return Turned(Message(id=f"m{number}", role=role, content=(), created_at=""), user_id=user_id)


def asked(*messages: Turned, first: str = "m1", heard: int | None = None) -> str | None:
    state = SessionState("s", messages=list(messages))
    return asker(state, Turn("t", first, "", heard=len(messages) if heard is None else heard))


@pytest.mark.parametrize(
    ("messages", "user"),
    [
        ([said(1, "ada")], "ada"),
        ([said(1, "ada"), said(2, role=Role.AGENT), said(3, "ada")], "ada"),
        ([said(1, "ada"), said(2, "bob")], None),
        ([said(1)], None),
        ([said(1, "ada"), said(2)], None),
        ([said(0, "bob"), said(0, role=Role.AGENT), said(1, "ada")], "ada"),
    ],
)
def test_a_turn_answers_the_user_whose_messages_it_heard_if_it_is_one(messages: list[Turned], user: str | None) -> None:
    assert asked(*messages) == user


def test_what_no_model_has_heard_yet_does_not_count() -> None:
    assert asked(said(1, "ada"), said(2, "bob"), heard=1) == "ada"
    assert asked(said(1, "ada"), said(2, "bob"), first="m2") == "bob"
