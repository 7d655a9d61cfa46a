"""What keys look like, whoever issued them: where a text has one, and where one may have begun that is not whole yet.

Each shape has bounds, so whatever is said of the beginning of a text is said for good once enough has come after it. Of
a key that is longer than any that is issued, the first part is known only. Runs of characters are possessive, so that
each start of a key is looked at once, and for no longer than it may be.
"""

import re
from collections.abc import Iterator
from itertools import product
from typing import Final, NamedTuple

import re2

_RUN: Final = "[A-Za-z0-9_-]"
_MOST: Final = 256  # characters of an issued key behind its beginning
_ISSUERS: Final = (
    *map("".join, product(("sk", "pk", "rk", "xoxa", "xoxb", "xoxp", "xoxr", "gho", "ghp", "ghs", "ghu", "ghr"), "-_")),
    *map("".join, product(("github_pat", "glpat"), "-_")),
    "xai-", "gsk_", "evr_pat_", "evr_ak_", "hf_",
)  # fmt: skip
_DIGIT: Final = re.compile("[0-9]")  # what is made by chance has one, a name of many words has none


def _begun(*words: str) -> str:
    """Return a pattern for the beginnings of words, none of them whole."""
    return "|".join(sorted({re.escape(word[:length]) for word in words for length in range(1, len(word))}))


class _Shape(NamedTuple):
    """What is a key, and what may become one, or a longer one, at the end of a text: its `most` characters."""

    whole: re.Pattern[str]
    begun: re.Pattern[str]
    most: int


def _shape(whole: str, begun: str, most: int, *, flags: int = 0) -> _Shape:
    return _Shape(re.compile(rf"\b{whole}", flags), re.compile(rf"\b(?:{begun})\Z", flags), most)


_ISSUED: Final = "|".join(map(re.escape, _ISSUERS))
_HEAD: Final = rf"eyJ{_RUN}{{8,512}}+\."
_BODY: Final = rf"{_RUN}{{8,8192}}+\."
_SHAPES: Final = (
    _shape(
        rf"(?:{_ISSUED}){_RUN}{{16,{_MOST}}}+",
        rf"{_begun(*_ISSUERS)}|(?:{_ISSUED}){_RUN}{{0,{_MOST - 1}}}+",
        2 * _MOST,
        flags=re.IGNORECASE,
    ),
    _shape(rf"AIza{_RUN}{{30,{_MOST}}}+", rf"{_begun('AIza')}|AIza{_RUN}{{0,{_MOST - 1}}}+", 2 * _MOST),
    _shape(r"(?:AKIA|ASIA)[A-Z0-9]{16}\b", rf"{_begun('AKIA', 'ASIA')}|(?:AKIA|ASIA)[A-Z0-9]{{0,16}}+", 20),
    _shape(
        rf"{_HEAD}{_BODY}{_RUN}{{0,1024}}+",  # a JWT
        rf"{_begun('eyJ')}|eyJ{_RUN}{{0,512}}+|{_HEAD}{_RUN}{{0,8192}}+|{_HEAD}{_BODY}{_RUN}{{0,1023}}+",
        10_000,
    ),
)
_ANY: Final = re2.compile(rf"(?i){_ISSUED}|AIza|AKIA|ASIA|eyJ")  # quicker by far where there is none


def shapes_in(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Yield where keys stand in a text, from `start` on; they may overlap."""
    if _ANY.search(text) is None:
        return
    for shape in _SHAPES:
        found = shape.whole.search(text, start)
        while found is not None:
            if _DIGIT.search(found[0]):
                yield found.span()
            found = shape.whole.search(text, found.start() + 1)


def undecided(text: str, start: int) -> int:
    """Return from where on a key may have begun of which the rest is to come; the length of the text if nowhere."""
    founds = (shape.begun.search(text, max(start, len(text) - shape.most)) for shape in _SHAPES)
    return min(found.start() if found else len(text) for found in founds)
