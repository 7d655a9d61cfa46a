"""Where a request comes from, seen through proxies."""

from ipaddress import ip_network
from typing import Any

import pytest
from starlette.types import Scope

from api.http.callers import Proxies, address_of, caller_of, is_local, network_of

PROXIES = Proxies([ip_network("10.0.0.0/8"), ip_network("fd00::/8")])
PEER = "10.0.0.1"


def seen(peer: str = PEER, **forwarded: str) -> Scope:
    """Return what is left of a request that a peer has passed on."""
    headers = [(b"host", b"inner:9000"), (b"accept", b"*/*")]
    headers += [(f"x-forwarded-{name}".encode(), value.encode()) for name, value in forwarded.items()]
    scope: Scope = {"client": (peer, 4711), "scheme": "http", "headers": headers}
    PROXIES.look_through(scope)
    return scope


def host(scope: Scope) -> list[bytes]:
    return [value for name, value in scope["headers"] if name == b"host"]


def test_a_trusted_proxy_is_looked_through() -> None:
    scope = seen(**{"for": "203.0.113.5", "proto": "https", "host": "api.example.com"})
    assert scope["client"] == ("203.0.113.5", 0)
    assert scope["scheme"] == "https"
    assert host(scope) == [b"api.example.com"]
    assert (b"accept", b"*/*") in scope["headers"]


@pytest.mark.parametrize("peer", ["203.0.113.9", "127.0.0.1", "::1", "11.0.0.1", "unknown"])
def test_nobody_else_is_believed(peer: str) -> None:
    scope = seen(peer, **{"for": "198.51.100.1", "proto": "https", "host": "api.example.com"})
    assert scope["client"] == (peer, 4711)
    assert scope["scheme"] == "http"
    assert host(scope) == [b"inner:9000"]


@pytest.mark.parametrize("peer", ["::ffff:10.0.0.1", "fd12::1", "fe80::1%eth0"])
def test_proxies_are_known_however_their_address_is_written(peer: str) -> None:
    assert PROXIES.include(peer) is (peer != "fe80::1%eth0")


@pytest.mark.parametrize(
    ("hops", "client"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("198.51.100.66, 203.0.113.5", "203.0.113.5"),  # the first is what the client said itself
        ("203.0.113.5, 10.0.0.2", "203.0.113.5"),
        ("198.51.100.66, 203.0.113.5, 10.0.0.3, 10.0.0.2", "203.0.113.5"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),  # a proxy that asks for itself
        ("203.0.113.5:51234", "203.0.113.5"),
        ("[2001:db8::5]:51234", "2001:db8::5"),
        ("2001:db8::5", "2001:db8::5"),
        ("unknown", PEER),
        ("203.0.113.5, <script>", PEER),
        ("203.0.113.5, _hidden, 10.0.0.2", "10.0.0.2"),  # what a proxy could not tell ends the way back
        ("", PEER),
    ],
)
def test_the_client_is_the_nearest_that_is_no_proxy(hops: str, client: str) -> None:
    assert seen(**{"for": hops})["client"][0] == client


def test_hops_in_several_headers_are_one_list() -> None:
    headers = [(b"x-forwarded-for", b"198.51.100.66"), (b"x-forwarded-for", b"203.0.113.5, 10.0.0.2")]
    scope: Scope = {"client": (PEER, 1), "scheme": "http", "headers": headers}
    PROXIES.look_through(scope)
    assert scope["client"] == ("203.0.113.5", 0)


@pytest.mark.parametrize(
    ("said", "scheme"),
    [("http, https", "https"), ("HTTPS", "https"), ("https,http", "http"), ("gopher", "http"), ("", "http")],
)
def test_the_scheme_is_what_the_nearest_proxy_says(said: str, scheme: str) -> None:
    assert seen(proto=said)["scheme"] == scheme


def test_the_host_is_what_the_nearest_proxy_was_called() -> None:
    assert host(seen(host="evil.example, api.example.com")) == [b"api.example.com"]


def test_a_proxy_that_says_nothing_asks_for_itself() -> None:
    scope = seen()
    assert scope["client"] == (PEER, 4711)
    assert host(scope) == [b"inner:9000"]


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_address_counts_as_its_owner_s(peer: str, network: str) -> None:
    assert network_of(peer) == network
    assert address_of({"client": (peer, 1)}) == network


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_known(peer: str) -> None:
    assert is_local(peer)
    assert not is_local("203.0.113.5")


@pytest.mark.parametrize("scope", [{}, {"state": {}}, {"client": None}])
def test_who_is_not_known_is_nobody(scope: dict[str, Any]) -> None:
    assert caller_of(scope) is None
    assert address_of(scope) == "unknown"
