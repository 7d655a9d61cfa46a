"""Laws of the judge of addresses, with Python's own registry of special addresses as the measure."""

import ipaddress
from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from runtime.core.inside import is_public

four = st.ip_addresses(v=4)
special = st.sampled_from([
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
    "224.0.0.0/4", "240.0.0.0/4",
]).flatmap(lambda network: st.ip_addresses(network=network))  # fmt: skip
inside_six = st.sampled_from([
    "::/8", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "2001::/32", "2002::/16",
]).flatmap(lambda network: st.ip_addresses(network=network))  # fmt: skip


@given(four | st.ip_addresses(v=6) | special | inside_six)
def test_nothing_is_public_that_the_registry_does_not_call_global(address: IPv4Address | IPv6Address) -> None:
    if is_public(str(address)) and address not in ipaddress.ip_network("64:ff9b::/96"):
        assert address.is_global
        assert not address.is_multicast


@given(special)
def test_an_address_inside_is_inside_in_every_form_of_ipv6_that_carries_it(address: IPv4Address) -> None:
    bits = int(address)
    forms = {
        "mapped": IPv6Address((0xFFFF << 32) | bits),
        "compatible": IPv6Address(bits),
        "translated": IPv6Address((0xFFFF << 48) | bits),
        "nat64": IPv6Address((0x64FF9B << 96) | bits),
        "local nat64": IPv6Address((0x64FF9B0001 << 80) | bits),
        "6to4": IPv6Address((0x2002 << 112) | (bits << 80) | 1),
        "teredo, its server": IPv6Address((0x2001 << 112) | (bits << 64)),
        "teredo, its client": IPv6Address((0x2001 << 112) | (bits ^ 0xFFFF_FFFF)),
        "isatap": IPv6Address((0x2600 << 112) | (0x5EFE << 32) | bits),
        "isatap of a global one": IPv6Address((0x2600 << 112) | (0x0200_5EFE << 32) | bits),
    }
    for name, form in forms.items():
        assert not is_public(str(form)), name
        assert not is_public(form.exploded), name
    assert not is_public(str(address))


@given(four)
def test_nat64_is_as_public_as_what_it_carries(address: IPv4Address) -> None:
    carried = IPv6Address((0x64FF9B << 96) | int(address))
    assert is_public(str(carried)) == is_public(str(address))


@given(st.text(max_size=40))
def test_what_is_no_address_is_not_public(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        assert not is_public(text)


@given(st.ip_addresses(v=6), st.text("abc019", min_size=1, max_size=5))
def test_an_address_of_one_link_is_never_public(address: IPv6Address, link: str) -> None:
    assert not is_public(f"{address}%{link}")
