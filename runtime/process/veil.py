"""What may be seen of a text in which there are secrets, whole or in the pieces in which it comes.

Wherever a text is cut, what is seen of it in the end is the same: of a piece so much is held back as may be the
beginning of a secret. What two secrets share is hidden once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from runtime.process.shapes import shapes_in, undecided

HIDDEN: Final = "[redacted]"
_PROBE: Final = 16  # characters of a secret's beginning that are looked for at once


def hide(text: str, forms: Iterable[str]) -> str:
    """Return a text without these."""
    spans = sorted(_spans(text, 0, forms))
    if not spans:
        return text
    shown, at = _seen(text, 0, spans, len(text))
    return shown + text[at:]


class Veil:
    """Hides secrets, and what looks like one, in a text that comes in pieces. `forms` are what is known by now."""

    def __init__(self, forms: Callable[[], Sequence[str]]) -> None:
        self._forms = forms
        self._text = ""  # what nobody has seen yet, behind one character of what came before it
        self._start = 0  # where that begins
        self._at = 0  # up to where it is hidden already

    def feed(self, piece: str) -> str:
        """Take more of the text, and return what may be seen of it by now."""
        return self._lift(piece, is_whole=False)

    def close(self) -> str:
        """Return the rest, for no more will come."""
        return self._lift("", is_whole=True)

    def _lift(self, piece: str, *, is_whole: bool) -> str:
        text, start, forms = self._text + piece, self._start, self._forms()
        until = len(text)
        if not is_whole:
            until = min([undecided(text, start), *(_begun(text, start, form) for form in forms)])
        spans = sorted([*_spans(text, start, forms), *shapes_in(text, start)])
        shown, at = _seen(text, max(start, self._at), spans, until)
        if at < until:
            shown, at = shown + text[at:until], until
        kept_from = max(until - 1, 0)
        self._text, self._start, self._at = text[kept_from:], until - kept_from, at - kept_from
        return shown


def _seen(text: str, at: int, spans: Sequence[tuple[int, int]], until: int) -> tuple[str, int]:
    """Return a text from `at` to the last of the spans that begin before `until`, and where that ends."""
    shown: list[str] = []
    for start, end in spans:
        if start >= until:
            break
        if start >= at:
            shown += text[at:start], HIDDEN
        at = max(at, end)
    return "".join(shown), at


def _spans(text: str, start: int, forms: Iterable[str]) -> Iterator[tuple[int, int]]:
    for form in forms:
        at = text.find(form, start)
        while at != -1:
            yield at, at + len(form)
            at = text.find(form, at + 1)


def _begun(text: str, start: int, form: str) -> int:
    """Return where a text ends in the beginning of a form, the longest first; its length if it does not."""
    least = max(start, len(text) - len(form) + 1)
    probe = form[:_PROBE]
    at = text.find(probe, least)
    while at != -1:
        if form.startswith(text[at:]):
            return at
        at = text.find(probe, at + 1)
    least = max(least, len(text) - _PROBE + 1)
    if form[0] in text[least:]:
        return next((at for at in range(least, len(text)) if form.startswith(text[at:])), len(text))
    return len(text)
