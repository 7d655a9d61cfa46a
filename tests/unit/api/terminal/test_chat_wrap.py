"""Where lines are broken. A small terminal plays what is written, as a person would see it."""

import io
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from api.terminal.chat.wrap import Wrap

WIDTH = 10
WORDS = st.text("abc  \n\t世界éx", max_size=80)
_PLAYED = re.compile("(\x08+)\x1b\\[K")


def played(written: str) -> list[str]:
    """Return the lines that a terminal shows: each backspace goes back one cell, ESC [ K clears to the right."""
    lines = [""]
    rest = written
    while rest:
        if back := _PLAYED.match(rest):
            lines[-1] = lines[-1][: -len(back[1])]
            rest = rest[back.end() :]
        elif rest[0] == "\n":
            lines.append("")
            rest = rest[1:]
        else:
            lines[-1] += rest[0]
            rest = rest[1:]
    return lines


def cells(line: str) -> int:
    """Return how wide a line is, tabs included."""
    column = 0
    for character in line:
        column += 8 - column % 8 if character == "\t" else cell_len(character)
    return column


def wrap(*, is_terminal: bool = True) -> Wrap:
    return Wrap(Console(file=io.StringIO(), width=WIDTH + 1, force_terminal=is_terminal))


def shown(*pieces: str) -> list[str]:
    wrapped = wrap()
    return played("".join(map(wrapped.fold, pieces)))


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        (["one two three"], ["one two ", "three"]),
        (["one two th", "ree"], ["one two ", "three"]),
        (["one ", "two ", "t", "h", "r", "e", "e"], ["one two ", "three"]),
        (["0123456789 next"], ["0123456789", "next"]),
        (["a 0123456789", "abc d"], ["a ", "0123456789", "abc d"]),
        (["0123456789abc"], ["0123456789", "abc"]),
        (["one\n\n two"], ["one", "", " two"]),
        (["日本語の長い文章"], ["日本語の長", "い文章"]),
        (["abc日本", "語の"], ["abc日本語", "の"]),
        (["a\tbc def"], ["a\tbc", "def"]),
    ],
)
def test_lines_are_broken_between_words_however_the_text_comes(pieces: list[str], lines: list[str]) -> None:
    assert shown(*pieces) == lines


@given(WORDS, st.lists(st.integers(0, 80)))
def test_how_a_text_is_cut_into_pieces_changes_nothing_that_is_seen(text: str, cuts: list[int]) -> None:
    marks = sorted({0, *(cut for cut in cuts if cut < len(text)), len(text)})
    pieces = [text[start:end] for start, end in itertools.pairwise(marks)]
    assert shown(*pieces) == shown(text)


@given(WORDS)
def test_no_line_is_wider_than_the_screen_and_no_word_is_lost(text: str) -> None:
    lines = shown(text)
    assert max(map(cells, lines)) <= WIDTH
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(WORDS)
def test_what_is_no_terminal_gets_the_text_as_it_is(text: str) -> None:
    assert wrap(is_terminal=False).fold(text) == text
