"""The names by which the server may be called."""

import pytest

from api.http.hosts import Hosts

NAMES = ("api.example.com", "*.example.org", "[2001:db8::7]")


@pytest.mark.parametrize("listens_on", ["127.0.0.1", "0.0.0.0", "192.0.2.7"])  # noqa: S104  bound by nobody
@pytest.mark.parametrize(
    "host", ["", "localhost", "localhost:9000", "LOCALHOST", "127.0.0.9:1", "[::1]:9000", "a.localhost", "localhost."]
)
def test_loopback_is_always_included(listens_on: str, host: str) -> None:
    assert Hosts(listens_on, ()).include(host)


@pytest.mark.parametrize(
    "host",
    ["api.example.com", "API.Example.com:443", "api.example.com.", "a.b.example.org", "[2001:db8::7]:1"],
)
def test_names_that_were_given_are_included_whatever_the_port(host: str) -> None:
    assert Hosts("127.0.0.1", NAMES).include(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "example.com",
        "a.api.example.com",
        "api.example.com.evil.example",
        "example.org",
        "evilexample.org",
        "localhost.evil.example:9000",
        "[evil.example",
        "api.example.com@evil.example",
        "10.0.0.1",
        "[2001:db8::1]",
    ],
)
def test_other_names_are_not(host: str) -> None:
    assert not Hosts("127.0.0.1", NAMES).include(host)


@pytest.mark.parametrize("host", ["10.0.0.1:9000", "[2001:db8::1]", "192.0.2.7"])
def test_a_server_beyond_loopback_is_called_by_its_addresses(host: str) -> None:
    """They cannot be rebound: only a name can be made to point here."""
    assert Hosts("0.0.0.0", ()).include(host)  # noqa: S104  bound by nobody
    assert not Hosts("0.0.0.0", ()).include("evil.example")  # noqa: S104  bound by nobody


def test_a_name_on_which_it_listens_is_its_own() -> None:
    assert Hosts("perdure.internal", ()).include("perdure.internal:9000")


def test_refusal_says_what_to_set() -> None:
    assert Hosts("127.0.0.1", ()).refusal("evil.example:80") == (
        "This server is not called evil.example. If it should be, name it in PERDURE_HTTP__HOSTS."
    )
    assert len(Hosts("127.0.0.1", ()).refusal("x" * 30_000)) < 300
