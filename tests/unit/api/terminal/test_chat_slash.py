"""Slash commands and messages are told apart."""

import pytest

from api.terminal.chat.slash import COMMANDS, Given, matching, parse
from runtime.core.errors import InvalidInputError


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("/help", Given("help", "")),
        ("/Agent  helper two ", Given("agent", "helper two")),
        ("/events\t5", Given("events", "5")),
        ("/files /a b.txt", Given("files", "/a b.txt")),
    ],
)
def test_a_command_is_a_name_and_what_follows_it(text: str, given: Given) -> None:
    assert parse(text) == given


@pytest.mark.parametrize("text", ["hello", "/etc/hosts is what?", "/5", "/help\nme", " /help", "a /help"])
def test_paths_and_several_lines_are_messages(text: str) -> None:
    assert parse(text) == text


def test_two_slashes_are_a_message_that_begins_with_one() -> None:
    assert parse("//help me") == "/help me"


@pytest.mark.parametrize(("text", "near"), [("/hepl", "/help"), ("/session x", "/sessions"), ("/models", "/model")])
def test_an_unknown_command_is_said_with_the_nearest(text: str, near: str) -> None:
    with pytest.raises(InvalidInputError, match=rf"There is no command /\w+\. Did you mean {near}\?"):
        parse(text)


@pytest.mark.parametrize("text", ["/", "/zzz", "/xyzzy plugh"])
def test_where_nothing_is_near_nothing_is_guessed(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"There is no command /\w*\. /help lists them"):
        parse(text)


def test_the_tab_key_offers_commands_that_begin_so() -> None:
    assert matching("/he") == ["/help"]
    assert matching("/S") == ["/sessions "]
    assert len(matching("/")) == len(COMMANDS)
    assert matching("/x") == []
