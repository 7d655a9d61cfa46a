"""From lines to messages."""

import contextlib
import io
from collections.abc import Sequence

import pytest

from api.terminal.chat.keyboard import MORE, PROMPT, Keyboard, Pipe, read_message


class Typist:
    """Plays a person: text for a line, PASTED before one that follows at once, CTRL_C with or without a draft."""

    is_terminal = True

    def __init__(self, *script: str | BaseException) -> None:
        self._script = list(script)
        self._has_draft = False
        self.prompts: list[str] = []

    def line(self, prompt: str) -> str:
        self.prompts.append(prompt)
        if not self._script:
            raise EOFError
        step = self._script.pop(0)
        if isinstance(step, BaseException):
            self._has_draft = bool(step.args)
            raise step
        return step.removesuffix("»")

    def has_more(self) -> bool:
        return bool(self._script) and str(self._script[0]).endswith("»")

    def has_draft(self) -> bool:
        return self._has_draft


def messages(keys: Keyboard) -> Sequence[str]:
    found = []
    with contextlib.suppress(EOFError):
        while True:
            found.append(read_message(keys))
    return found


def test_blank_lines_are_no_messages() -> None:
    assert messages(Typist("", "one", "   ", "two")) == ["one", "two"]


def test_a_backslash_goes_on_with_the_next_line() -> None:
    keys = Typist("one\\", "two\\", "three", "four")
    assert messages(keys) == ["one\ntwo\nthree", "four"]
    assert keys.prompts == [PROMPT, MORE, MORE, PROMPT, PROMPT]


def test_lines_of_one_paste_are_one_message() -> None:
    assert messages(Typist("one", "»", "two»", "three")) == ["one\n\ntwo", "three"]


def test_ctrl_c_drops_a_draft() -> None:
    assert messages(Typist("one\\", KeyboardInterrupt("draft"), "two")) == ["two"]


def test_ctrl_c_drops_the_lines_of_a_message_that_is_not_complete() -> None:
    assert messages(Typist("one\\", "two\\", KeyboardInterrupt(), "three")) == ["three"]


def test_ctrl_c_with_nothing_typed_leaves() -> None:
    with pytest.raises(KeyboardInterrupt):
        read_message(Typist(KeyboardInterrupt()))


def test_a_pipe_gives_its_lines() -> None:
    assert messages(Pipe(io.StringIO("one\r\n\ntwo"))) == ["one", "two"]


def test_a_pipe_survives_bytes_that_are_no_text() -> None:
    stream = io.TextIOWrapper(io.BytesIO(b"caf\xe9\n\xc3\xa9\n"), encoding="ascii")
    assert messages(Pipe(stream)) == ["caf�", "é"]
