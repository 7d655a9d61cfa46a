"""Which addresses are public, case by case; tests/property/test_inside_laws.py has the laws."""

import ipaddress

import pytest

from runtime.core.inside import is_plain, is_plainly_inside, is_public


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.0.1",  # noqa: S104  nobody listens
        "168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.192",
        "192.168.1.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "fc00::1",
        "fd00:ec2::254", "fe80::1", "fe80::1%1", "fec0::1", "ff02::1", "100::1", "5f00::1",
        "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1",
        "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8", "2600:1::5efe:7f00:1",
        "2600:1::200:5efe:808:808", "2600::1%2", "no address", "", "127.1", "0x7f000001", "2130706433", "0177.0.0.1",
    ],
)  # fmt: skip
def test_what_is_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "93.184.216.34", "172.32.0.1", "192.0.1.1", "2606:4700::1111", "2a00:1450:4001::1", "64:ff9b::8.8.8.8"],
)
def test_what_strangers_reach_is_public(address: str) -> None:
    assert is_public(address)


def test_networks_of_ones_own_are_inside_whatever_they_look_like() -> None:
    own = [ipaddress.ip_network("8.8.8.0/24"), ipaddress.ip_network("2606:4700::/32")]
    assert not is_public("8.8.8.8", own)
    assert not is_public("64:ff9b::8.8.8.8", own)
    assert not is_public("2606:4700::1111", own)
    assert is_public("8.8.4.4", own)


@pytest.mark.parametrize(
    "host", ["example.com", "127.0.0.1", "2606:4700::1111", "a1.example", "1.example.", "xn--p1ai"]
)
def test_names_and_addresses_in_their_usual_form_are_plain(host: str) -> None:
    assert is_plain(host)


@pytest.mark.parametrize(
    "host",
    [
        "127.1",
        "0x7f.1",
        "0177.0.0.1",
        "2130706433",
        "0x7f000001",
        "1.2.3.4.",
        "a.1",
        "a.0x",
        "::0:1",
        ".",
        "",
    ],
)
def test_what_looks_like_a_number_and_is_none_is_not_plain(host: str) -> None:
    assert not is_plain(host)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "::1", "169.254.169.254", "::ffff:8.8.8.8", "127.1", "localhost", "LOCALHOST.", "a.localhost", "db",
     "printer.local", "metadata.google.internal", "", "10.0.0.5"],
)  # fmt: skip
def test_some_hosts_need_nobody_to_be_asked_where_they_are(host: str) -> None:
    assert is_plainly_inside(host)


@pytest.mark.parametrize("host", ["example.com", "8.8.8.8", "2606:4700::1111", "internal.example.com"])
def test_of_other_hosts_their_name_says_nothing(host: str) -> None:
    assert not is_plainly_inside(host)
