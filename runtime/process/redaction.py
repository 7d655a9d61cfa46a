"""What must not be read anywhere: the secrets that this process has opened, by value, and what looks like one.

Values are known exactly, so whatever says one in our log, or as what a tool answers or a model says, is found; also as
JSON, in a URL and as base64 write them. Looks are for logs alone: there, too much may be hidden. Patterns run on RE2,
one after the other, and each is linear in the text, which strangers may have written.
"""

import base64
import json
from collections.abc import Iterable, Sequence
from enum import Enum
from functools import partial
from typing import Any, Final
from urllib.parse import quote, quote_plus

import msgspec
import re2

from runtime.process.veil import HIDDEN, Veil, hide

SHORTEST: Final = 6  # characters of a value that is looked for: shorter ones are everywhere
OWNERS_MOST: Final = 10_000
VALUES_MOST: Final = 1_000  # of one owner; the oldest are forgotten first

_LOOKS: Final = (
    (re2.compile(r"(?i)([a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@]+@"), rf"\1{HIDDEN}@"),  # the password of a URL
    (re2.compile(r"(?i)\b(?:sk|pk|rk|xox[abpr]|gh[opsur]|github_pat|glpat)[-_][a-z0-9_-]{16,}"), HIDDEN),
    (re2.compile(r"(?i)\b(?:xai-|gsk_|evr_(?:pat_|ak_)?|hf_)[a-z0-9_-]{16,}"), HIDDEN),
    (re2.compile(r"\bAIza[A-Za-z0-9_-]{30,}"), HIDDEN),
    (re2.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), HIDDEN),
    (re2.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), HIDDEN),  # a JWT
    (re2.compile(r"(?i)\b(?:Bearer|Basic)\s+[a-z0-9._~+/-]{16,}=*"), HIDDEN),
    (re2.compile(r"(?i)([\"']?\b(?:x-)?api[-_]?key[\"']?\s*[:=]\s*[\"']?)[^\s\"',;&]{6,}"), rf"\1{HIDDEN}"),
    (
        re2.compile(r"(?i)([?&](?:[a-z_-]*token|key|api_?key|secret|password|signature|sig|code)=)[^\s&#\"']+"),
        rf"\1{HIDDEN}",
    ),
)


class Held:
    """The secrets that this process knows, by whose they are. Never written anywhere."""

    def __init__(self) -> None:
        self._owners: dict[str, dict[str, tuple[str, ...]]] = {}
        self._forms: dict[str, tuple[str, ...]] = {}  # of all values of an owner

    def hold(self, owner: str, values: Iterable[str]) -> None:
        """Know these values from now on as secrets of a session, or of the process itself."""
        held = self._owners.setdefault(owner, {})
        for value in values:
            if len(value) >= SHORTEST and value not in held:
                held[value] = _written(value)
        while len(held) > VALUES_MOST:
            del held[next(iter(held))]
        self._forms.pop(owner, None)
        while len(self._owners) > OWNERS_MOST:
            self.drop(next(iter(self._owners)))

    def drop(self, owner: str) -> None:
        """Forget the secrets of one that is no longer here."""
        self._owners.pop(owner, None)
        self._forms.pop(owner, None)

    def knows(self, owner: str) -> bool:
        """Tell whether anything of theirs is held."""
        return bool(self._owners.get(owner))

    def forms(self, owner: str) -> Sequence[str]:
        """Return the ways in which the secrets of an owner are written."""
        if owner not in self._forms:
            values = self._owners.get(owner)
            if not values:
                return ()
            self._forms[owner] = tuple(dict.fromkeys(form for forms in values.values() for form in forms))
        return self._forms[owner]

    def hide(self, text: str, owner: str) -> str:
        """Return a text without the secrets of one owner."""
        return hide(text, self.forms(owner))

    def veil(self, owner: str) -> Veil | None:
        """Return what hides the secrets of an owner in a text that comes in pieces; None if none is held."""
        return Veil(partial(self.forms, owner)) if self._owners.get(owner) else None

    def hide_all(self, text: str) -> str:
        """Return a text without any secret that is held."""
        for owner in self._owners:
            text = self.hide(text, owner)
        return text

    def hide_in(self, value: Any, owner: str) -> Any:
        """Return a struct, or JSON as Python has it, without the secrets of one owner.

        A secret may be a word of ours: what a struct is made of, its enums, ids, types and times, stays as it is.
        """
        match value:
            case Enum():
                return value
            case str():
                return self.hide(value, owner)
            case msgspec.Struct():
                said = (name for name in value.__struct_fields__ if not _is_ours(name))
                return msgspec.structs.replace(value, **{n: self.hide_in(getattr(value, n), owner) for n in said})
            case dict():
                return {self.hide(str(key), owner): self.hide_in(inner, owner) for key, inner in value.items()}
            case list() | tuple():
                return type(value)(self.hide_in(inner, owner) for inner in value)
            case _:
                return value


def without_looks(text: str) -> str:
    """Return a text without what looks like a secret."""
    for pattern, shown in _LOOKS:
        text = pattern.sub(shown, text)
    return text


def _is_ours(field: str) -> bool:
    """Tell whether a struct's field has an id, a type or a time, by its name."""
    return field in {"id", "type"} or field.endswith(("_id", "_at"))


def _written(value: str) -> tuple[str, ...]:
    """Return the ways in which a value is written."""
    plain = value.encode()
    forms = {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    forms |= {quote(value, safe=""), quote_plus(value)}
    forms |= {base64.b64encode(plain).decode().rstrip("="), base64.urlsafe_b64encode(plain).decode().rstrip("=")}
    return tuple(sorted(forms))


PROCESS: Final = ""  # whose secrets those are that the process itself has: keys, passwords
held: Final = Held()  # of this process
