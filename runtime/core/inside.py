"""Which addresses are public: everything else is inside, and nobody who is no administrator leads us there.

Of IPv6 only global unicast is public, and of that not what carries an address of IPv4 (6to4, Teredo, ISATAP), for there
what is written is not where one arrives. NAT64's well-known prefix is as public as the address in it: on a network with
IPv6 only, that is how the rest of the world looks. https://www.iana.org/assignments/iana-ipv4-special-registry and
…/iana-ipv6-special-registry are the sources.
"""

import ipaddress
import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

_INSIDE_4: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT; a cloud's metadata too
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's own, on every one of its machines
        "169.254.0.0/16",  # link-local; the metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documents
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
_GLOBAL_6: Final = IPv6Network("2000::/3")
_INSIDE_6: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo and other protocols' own
        "2001:db8::/32",  # documents
        "2002::/16",  # 6to4
        "3fff::/20",
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
_ISATAP: Final = 0x0000_5EFE  # before the address of IPv4, with or without the bit for global ones
_ISATAP_MASK: Final = 0xFCFF_FFFF
_NUMBER: Final = re.compile(r"(?:0x[0-9a-f]*|[0-9]*)", re.IGNORECASE)
_INNER_NAMES: Final = frozenset({"localhost", "local", "internal", "lan", "home", "corp", "localdomain", "arpa"})


def is_plain(host: str) -> bool:
    """Tell whether a host is a name, or an address as it is usually written: `127.1` and `0x7f000001` are 127.0.0.1."""
    try:
        return str(ipaddress.ip_address(host)) == host and "%" not in host  # a zone is this machine's own word
    except ValueError:
        return ":" not in host and not _NUMBER.fullmatch(_last_label(host))


def is_plainly_inside(host: str) -> bool:
    """Tell whether nobody has to be asked where a host is: its address is inside, or its name is one of private use.

    Of other names it says nothing: where they lead is known when they are connected to (`runtime/fetch`).
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        name = host.removesuffix(".").lower()
        return not is_plain(host) or "." not in name or _last_label(name) in _INNER_NAMES
    return not is_public(host)


def _last_label(name: str) -> str:
    return name.removesuffix(".").rpartition(".")[2]


def is_public(address: str, also_inside: Sequence[Network] = ()) -> bool:
    """Tell whether an address, as the system writes it, is one that strangers may be led to.

    `also_inside` are networks that look public and are not. What is no address is not public either.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if any(parsed in network for network in also_inside):
        return False
    if isinstance(parsed, IPv4Address):
        return _is_public_4(parsed)
    if parsed in _NAT64:
        return parsed.scope_id is None and is_public(str(IPv4Address(int(parsed) & 0xFFFF_FFFF)), also_inside)
    return _is_public_6(parsed)


def _is_public_4(address: IPv4Address) -> bool:
    return not any(address in network for network in _INSIDE_4)


def _is_public_6(address: IPv6Address) -> bool:
    if address.scope_id is not None or address not in _GLOBAL_6:
        return False
    carries_another = (int(address) >> 32) & _ISATAP_MASK == _ISATAP
    return not carries_another and not any(address in network for network in _INSIDE_6)
