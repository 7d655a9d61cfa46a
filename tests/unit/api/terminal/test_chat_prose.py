"""Markdown on a terminal. A small terminal plays what is written, as a person would see it in the end."""

import io
import itertools
import re
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from api.terminal.chat import markdown
from api.terminal.chat.pen import Pen
from api.terminal.chat.prose import Prose
from api.terminal.chat.screen import Screen
from runtime.core.message import Message, Role, TextPart

WIDTH, HEIGHT, HIGH = 40, 12, 500
MARKS = st.text("ab *_`#->|[]()!<&;\n1.~\\\t", max_size=60)
WORDS = st.lists(
    st.sampled_from(["**one**", "two", "`three`", "\n", "\n\n", "- ", "# ", "```\n", "> ", " ", "| a |\n| - |\n"]),
    max_size=24,
).map("".join)
_TOKEN = re.compile(r"\x1b\[([0-9]*)([AJKm])|\x1b\[[0-9;]*m|.", re.DOTALL)


class Glass:
    """The lines of a terminal, those that have left at the top too."""

    def __init__(self, height: int) -> None:
        self._height = height
        self.lines = [""]
        self._row = self._column = 0

    def hears(self, text: str, count: str, order: str) -> None:
        match text, order:
            case _, "A":
                self._row -= int(count)
                assert self._row >= max(0, len(self.lines) - self._height), "that is beyond the top of the terminal"
            case _, "J":
                self.lines[self._row :] = [self.lines[self._row][: self._column]]
            case _, "K":
                self.lines[self._row] = self.lines[self._row][: self._column]
            case _:
                self._writes(text)

    def _writes(self, text: str) -> None:
        if text == "\n":
            self._row, self._column = self._row + 1, 0
            self.lines += [""] * (self._row == len(self.lines))
        elif text == "\r":
            self._column = 0
        elif text == "\b":
            self._column -= 1
        elif not text.startswith("\x1b"):
            line = self.lines[self._row]
            self.lines[self._row] = line[: self._column].ljust(self._column) + text + line[self._column + 1 :]
            self._column += 1


def seen(written: str, height: int = HEIGHT) -> list[str]:
    """Return the lines that a person sees who scrolls up."""
    glass = Glass(height)
    for token in _TOKEN.finditer(written):
        glass.hears(token[0], token[1], token[2] or "")
    return [line.rstrip() for line in glass.lines]


class Page:
    """A terminal on which prose is shown."""

    def __init__(self, color: Literal["standard"] | None = None, height: int = HEIGHT) -> None:
        self.height = height
        self.file = io.StringIO()
        self.console = Console(
            file=self.file, width=WIDTH, height=height, force_terminal=True, color_system=color, _environ={}
        )
        self.pen = Pen(self.console)

    def shows(self, *pieces: str) -> str:
        prose = Prose(self.pen)
        for piece in pieces:
            prose.add(piece)
        prose.end()
        return "\n".join(seen(self.file.getvalue(), self.height)).rstrip("\n")


def drawn(text: str) -> str:
    """Return how a text looks that is drawn at once."""
    lines = markdown.drawn(text, Page().console)
    return "\n".join("".join(segment.text for segment in line).rstrip() for line in lines)


def test_each_block_is_drawn_when_it_is_complete() -> None:
    page = Page()
    prose = Prose(page.pen)
    prose.add("# Sea\n\nIt is **blue")
    assert seen(page.file.getvalue()) == ["# Sea", "", "It is **blue"]
    prose.add("**.\n\n- a\n- b")
    assert seen(page.file.getvalue()) == ["Sea", "", "It is blue.", "", "- a", "- b"]
    prose.end()
    assert seen(page.file.getvalue()) == ["Sea", "", "It is blue.", "", " • a", " • b", ""]


def test_plain_words_are_written_once_and_never_taken_back() -> None:
    page = Page()
    text = "One line.\nAnother.\n\nAnd a paragraph that is longer than the terminal is wide.\n\nEnd"
    assert (
        page.shows(*text) == "One line.\nAnother.\n\nAnd a paragraph that is longer than the\nterminal is wide.\n\nEnd"
    )
    assert "\x1b[J" not in page.file.getvalue()


def test_bold_is_bold_and_code_is_coloured() -> None:
    page = Page("standard")
    page.shows("**b** and `c`\n\n```python\nimport os\n```\n")
    assert "\x1b[1mb\x1b[0m and \x1b[36mc\x1b[0m" in page.file.getvalue()
    assert re.search(r"\x1b\[\d+mimport\x1b\[0m", page.file.getvalue())


def test_a_block_higher_than_the_terminal_stays_as_it_came_and_the_next_is_drawn() -> None:
    code = "```\n" + "line\n" * HEIGHT + "```\n\n"
    assert Page().shows(*code, "**end**").endswith("line\n```\n\nend")


def test_a_block_into_which_something_was_written_stays_as_it_came_and_the_next_is_drawn() -> None:
    page = Page()
    prose = Prose(page.pen)
    prose.add("**one")
    page.pen.write("\nreconnecting ...\n")
    prose.disturb()
    prose.add("** two\n\n**three**\n\n")
    prose.end()
    assert seen(page.file.getvalue()) == ["**one", "reconnecting ...", "** two", "", "three", ""]


def test_html_is_text_and_a_link_says_where_it_leads() -> None:
    assert Page().shows("<b>this</b> & [that](http://x.test/a).") == "<b>this</b> & that (http://x.test/a)."
    assert Page().shows("See *[1]*.\n\n[1]: http://x.test/a") == "See [1].\n\n[1]: http://x.test/a"
    assert Page().shows("<div>\n*a*\n</div>\n") == "<div>\na\n</div>"


@pytest.mark.parametrize("text", ["a\x1b[2J **b**", "a&#27;[2J **b**", "a&#13;b **c**", "```\n\x9b1m\x07\n```\n"])
def test_text_cannot_steer_the_terminal(text: str) -> None:
    page = Page("standard")
    page.shows(text)
    assert not re.search(r"\x1b\[(?![0-9;]*m|J|[0-9]+A)|[\x07\x9b]|\r(?!\x1b)", page.file.getvalue())


def test_history_is_drawn_at_once() -> None:
    page = Page()
    said = Message(id="1", role=Role.AGENT, content=(TextPart("## Hi\n\n*you*"),), created_at="")
    Screen(page.console, page.console).history([said])
    assert seen(page.file.getvalue()) == ["Hi", "", "you", ""]


@given(WORDS, st.lists(st.integers(0, 200), max_size=8))
def test_wherever_it_is_cut_it_ends_as_if_it_had_come_at_once(text: str, cuts: list[int]) -> None:
    places = [0, *sorted(cut for cut in cuts if cut <= len(text)), len(text)]
    pieces = [text[start:end] for start, end in itertools.pairwise(places)]
    assert Page(height=HIGH).shows(*pieces) == Page(height=HIGH).shows(text)


@given(MARKS)
def test_any_text_can_be_drawn_and_what_is_plain_looks_the_same(text: str) -> None:
    looks = drawn(text)
    if markdown.is_plain(text) and "\t" not in text and "  " not in text:
        wide = Console(file=io.StringIO(), width=200, force_terminal=True)
        lines = markdown.drawn(text, wide)
        assert "\n".join("".join(s.text for s in line) for line in lines) == "\n".join(
            line.rstrip() for line in text.strip("\n").split("\n")
        )
    assert "\x1b" not in looks


@given(MARKS)
def test_what_is_complete_is_whole_lines(text: str) -> None:
    complete = markdown.complete_chars(text)
    assert complete == 0 or text[complete - 1] == "\n"
