"""Markdown as a terminal shows it: drawn by Rich, and cut into blocks that whatever follows leaves as they are.

Nothing that was said is left out: HTML and definitions of links are text, and a link shows where it leads. Lines stay
lines.
"""

from collections.abc import Sequence
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown
from rich.segment import Segment
from rich.syntax import Syntax
from rich.theme import Theme

from api.terminal import words

MOST_CHARS: Final = 20_000  # of what is drawn: longer texts are shown as they are
_PARSER: Final = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"]).disable("reference")
# No backgrounds: nobody knows whether the terminal is dark or light.
_THEME: Final = Theme({"markdown.code": "cyan", "markdown.code_block": "cyan"})
_CODE_THEME: Final = "ansi_dark"


class _LeftHeading(Heading):
    LEVEL_ALIGN = {}  # noqa: RUF012  Rich's own has a centre


class _Code(CodeBlock):
    """Code without blanks around it, which would be copied with it."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Syntax(str(self.text).rstrip(), self.lexer_name, theme=self.theme, word_wrap=True)


class _Markdown(Markdown):
    elements = {**Markdown.elements, "heading_open": _LeftHeading, "fence": _Code, "code_block": _Code}  # noqa: RUF012  as Rich has it

    def __init__(self, text: str) -> None:
        super().__init__("", code_theme=_CODE_THEME, hyperlinks=False)
        self.parsed = _parsed(text)


def complete_chars(text: str) -> int:
    """Return how much of a clean text that may still grow is complete blocks: all of whole lines but the last."""
    lines = text[: text.rfind("\n") + 1]
    starts = [token.map[0] for token in _parsed(lines) if token.level == 0 and token.nesting >= 0 and token.map]
    if len(starts) <= 1:
        return 0
    return sum(len(line) + 1 for line in lines.split("\n")[: starts[-1]])


def is_plain(text: str) -> bool:
    """Tell whether a text looks the same when it is drawn: paragraphs of nothing but words."""
    paragraphs = []
    for token in _parsed(text):
        if token.type == "inline":
            if any(child.type not in ("text", "hardbreak") for child in token.children or ()):
                return False
            paragraphs.append("".join(child.content or "\n" for child in token.children or ()))
        elif token.tag != "p":
            return False
    return "\n\n".join(paragraphs) == text.strip("\n")


def drawn(text: str, console: Console) -> Sequence[Sequence[Segment]]:
    """Return a text as the lines that a console shows of it, without empty ones around."""
    options = console.options.update(width=max(console.width - 1, 1))
    with console.use_theme(_THEME):
        lines = console.render_lines(_Markdown(words.clean(text)), options, pad=False)
    shown = [_trimmed(line) for line in lines]
    while shown and not shown[-1]:
        shown.pop()
    while shown and not shown[0]:
        shown.pop(0)
    return shown


def _parsed(text: str) -> list[Token]:
    tokens = _PARSER.parse(text)
    for token in tokens:
        for child in token.children or ():
            if child.type == "softbreak":
                child.type = "hardbreak"
    return tokens


def _trimmed(line: Sequence[Segment]) -> list[Segment]:
    """Return a line without control codes, and without the blanks that Rich puts at its end."""
    kept = [Segment(words.clean(segment.text), segment.style) for segment in line if not segment.control]
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[-1] = Segment(kept[-1].text.rstrip(), kept[-1].style)
    return kept
