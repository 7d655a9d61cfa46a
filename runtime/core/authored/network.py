"""Which hosts tools may reach: patterns, and how layers narrow them (docs/wire.md, "Layers").

A pattern is a host (`example.com`), a host with everything below it (`*.example.com`), or a URL prefix: the
same scheme, host and port, and a path that begins so.
"""

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

import msgspec

from runtime.core.authored.definition import NetworkAccess

_ANY_BELOW: Final = "*."
_DEFAULT_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}


class Reach(msgspec.Struct, frozen=True):
    """What all layers together allow. `allowed` is None for everything, empty for nothing; `blocked` beats it."""

    allowed: tuple[str, ...] | None = None
    blocked: tuple[str, ...] = ()


def narrow(layers: Iterable[NetworkAccess | None]) -> Reach:
    """Fold the layers, outermost first: an inner one may only allow what the outer ones do, and block more."""
    reach = Reach()
    for layer in layers:
        if layer is None:
            continue
        allowed = reach.allowed
        if layer.allowed:
            allowed = tuple(p for p in layer.allowed if allowed is None or any(covers(outer, p) for outer in allowed))
        reach = Reach(allowed, tuple(dict.fromkeys((*reach.blocked, *layer.blocked))))
    return reach


def permits(reach: Reach, url: str) -> bool:
    """Tell whether a URL may be asked: some pattern allows it, if there are any, and none blocks it.

    The URL must be in normal form (no `..`, no `%2e`, a host in ASCII), or a blocked path could be spelled otherwise.
    """
    if any(covers(pattern, url) for pattern in reach.blocked):
        return False
    return reach.allowed is None or any(covers(pattern, url) for pattern in reach.allowed)


def covers(outer: str, inner: str) -> bool:
    """Tell whether everything that the inner pattern matches is also matched by the outer one."""
    if not _is_url(inner):
        return not _is_url(outer) and _covers_host(_host(outer), _host(inner))
    try:
        return _covers_url(outer, urlsplit(inner))
    except ValueError:  # not a URL after all
        return False


def _covers_url(outer: str, inner: SplitResult) -> bool:
    if not _is_url(outer):
        return _covers_host(_host(outer), _host(inner.hostname or ""))
    prefix = urlsplit(outer)
    return (
        _origin(prefix) == _origin(inner)
        and ".." not in inner.path.split("/")
        and (inner.path or "/").startswith(prefix.path or "/")
    )


def _origin(url: SplitResult) -> tuple[str, str, int | None]:
    return url.scheme, _host(url.hostname or ""), url.port or _DEFAULT_PORTS.get(url.scheme)


def _host(name: str) -> str:
    """Return a name as the network knows it: in lower case and ASCII, without the dot at its end."""
    name = name.lower().removesuffix(".")
    try:
        return name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:  # no name of a host, so nothing is called so
        return name


def _covers_host(outer: str, inner: str) -> bool:
    if not outer.startswith(_ANY_BELOW):
        return outer == inner
    name = inner.removeprefix(_ANY_BELOW)
    return name == outer.removeprefix(_ANY_BELOW) or name.endswith(outer.removeprefix("*"))


def _is_url(pattern: str) -> bool:
    return "://" in pattern
