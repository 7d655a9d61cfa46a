"""An answer while it is being read: parts in the order in which they began, each added to until the end."""

from collections.abc import Hashable, Iterator
from typing import Final

import msgspec

from runtime.models.dialects.dialect import Called, CutOffError, Part, Text, Thought
from runtime.ports.model import ReasoningDelta, TextDelta

MOST_PARTS: Final = 20_000
PARAGRAPH: Final = "\n\n"  # between two thoughts, in what is shown


class _Piece:
    """A part under way."""

    __slots__ = ("call_id", "extra", "kind", "name", "words")

    def __init__(self, kind: type[Text | Thought | Called]) -> None:
        self.kind = kind
        self.words: list[str] = []
        self.extra: msgspec.Raw | None = None
        self.call_id = ""
        self.name = ""


class Draft:
    """Parts go by a key of the dialect's own, such as a position; the first mention of a key begins the part.

    All that adds to it raises CutOffError if there are more parts than any answer has.
    """

    def __init__(self) -> None:
        self._pieces: dict[Hashable, _Piece] = {}
        self._has_thought = False

    def say(self, key: Hashable, text: str) -> Iterator[TextDelta]:
        """Add to a text, and yield what that adds to the answer."""
        self._piece(key, Text).words.append(text)
        if text:
            yield TextDelta(text)

    def think(self, key: Hashable, thought: str) -> Iterator[ReasoningDelta]:
        """Add to a thought, and yield what that adds to the reasoning: a paragraph for each."""
        piece = self._piece(key, Thought)
        if not thought:
            return
        is_next = self._has_thought and not any(piece.words)
        piece.words.append(thought)
        self._has_thought = True
        yield ReasoningDelta(PARAGRAPH + thought if is_next else thought)

    def call(self, key: Hashable, call_id: str = "", name: str = "", arguments: str = "") -> None:
        """Add to a call."""
        piece = self._piece(key, Called)
        piece.call_id += call_id
        piece.name += name
        piece.words.append(arguments)

    def add(self, key: Hashable, kind: type[Text | Thought | Called], extra: msgspec.Raw) -> None:
        """Note what the dialect wants to know of a part when it is told again."""
        self._piece(key, kind).extra = extra

    def words(self, key: Hashable) -> str:
        """Return what a part says so far."""
        return "".join(self._pieces[key].words) if key in self._pieces else ""

    def parts(self) -> list[Part]:
        """Return all parts."""
        return [_part(piece) for piece in self._pieces.values()]

    def _piece(self, key: Hashable, kind: type[Text | Thought | Called]) -> _Piece:
        piece = self._pieces.get(key)
        if piece is None:
            if len(self._pieces) == MOST_PARTS:
                message = f"the answer has more than {MOST_PARTS} parts"
                raise CutOffError(message)
            piece = self._pieces[key] = _Piece(kind)
        return piece


def _part(piece: _Piece) -> Part:
    words = "".join(piece.words)
    if piece.kind is Called:
        return Called(piece.call_id, piece.name, words, piece.extra)
    return Text(words, piece.extra) if piece.kind is Text else Thought(words, piece.extra)
