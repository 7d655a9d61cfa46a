"""Addresses as settings give them: names of hosts, networks, origins of web pages. A list is parted by commas."""

import ipaddress
import re
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

_NAME: Final = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*")
_PORT: Final = re.compile(r"(?::\d+)?")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

Network: TypeAlias = IPv4Network | IPv6Network


def is_loopback(host: str) -> bool:
    """Tell whether only programs on this machine can reach a server on `host`."""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host.strip("[]")).is_loopback)


def is_address(host: str) -> bool:
    """Tell whether a host is given by its address, in brackets or not, and not by a name."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def host_of(authority: str) -> str:
    """Return the host of `host:port`, in lower case and without the dot at its end: of IPv6 with its brackets."""
    name = authority[: authority.find("]") + 1] if authority.startswith("[") else authority.partition(":")[0]
    return name.lower().removesuffix(".")


def parted(value: Any) -> Any:
    """Return the entries of a list that is parted by commas; anything else as it is."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _is_host(name: str) -> bool:
    return is_address(name) or _NAME.fullmatch(name) is not None


def _host(value: str) -> str:
    name = host_of(value)
    port = value.removesuffix(".")[len(name) :]
    if not _is_host(name) or not _PORT.fullmatch(port):
        message = f"{value!r} is no name of a host, such as api.example.com or *.example.com"
        raise ValueError(message)
    return name


def _network(value: Any) -> Any:
    try:
        return ipaddress.ip_network(value)
    except ValueError as err:
        message = f"{value!r} is no address or network, such as 10.0.0.7 or 10.0.0.0/8: {err}"
        raise ValueError(message) from None


def _origin(value: str) -> str:
    """Return an origin as browsers write it (RFC 6454 §6.2)."""
    parts = urlsplit(value.lower())
    host = parts.hostname or ""
    written = f"{parts.scheme}://[{host}]" if ":" in host else f"{parts.scheme}://{host}"
    whole = written if parts.port is None else f"{written}:{parts.port}"
    if parts.scheme not in _DEFAULT_PORTS or whole != value.lower() or not _is_host(host) or "*" in host:
        message = f"{value!r} is no origin of pages, such as https://app.example.com"
        raise ValueError(message)
    return written if parts.port == _DEFAULT_PORTS[parts.scheme] else whole


Hosts = Annotated[tuple[Annotated[str, AfterValidator(_host)], ...], NoDecode, BeforeValidator(parted)]
Networks = Annotated[tuple[Annotated[Network, BeforeValidator(_network)], ...], NoDecode, BeforeValidator(parted)]
Origins = Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], NoDecode, BeforeValidator(parted)]
