"""Which hosts tools may reach: layers only narrow."""

import pytest

from runtime.core.authored.definition import NetworkAccess
from runtime.core.authored.network import Reach, covers, narrow, permits


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ("example.com", "example.com"),
        ("example.com", "EXAMPLE.com"),
        ("*.example.com", "example.com"),
        ("*.example.com", "a.b.example.com"),
        ("*.example.com", "*.a.example.com"),
        ("*.example.com", "*.example.com"),
        ("example.com", "https://example.com/docs"),
        ("example.com", "https://example.com"),
        ("*.example.com", "http://a.example.com:8080/"),
        ("https://example.com/docs/", "https://example.com/docs/api"),
        ("https://example.com", "https://Example.com/x"),
        ("https://example.com:443/docs", "https://example.com/docs"),
        ("https://example.com/", "https://example.com"),
        ("example.com", "https://example.com./"),
        ("b\u00fccher.example", "https://xn--bcher-kva.example/"),
    ],
)
def test_a_pattern_covers_what_lies_within_it(outer: str, inner: str) -> None:
    assert covers(outer, inner)


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ("example.com", "a.example.com"),
        ("example.com", "*.example.com"),
        ("*.example.com", "evilexample.com"),
        ("*.example.com", "example.com.evil.net"),
        ("*.example.com", "*.com"),
        ("example.com", "https://example.com@evil.net/"),
        ("example.com", "https://example.com.evil.net/"),
        ("https://example.com/docs", "example.com"),
        ("https://example.com/docs/", "https://example.com/"),
        ("https://example.com/docs/", "https://example.com/docs/../admin"),
        ("https://example.com/docs/", "http://example.com/docs/"),
        ("https://example.com", "https://example.com.evil.net/"),
        ("https://example.com", "https://example.com:8443/"),
        ("example.com", "https://[broken/"),
    ],
)
def test_a_pattern_does_not_cover_what_lies_outside(outer: str, inner: str) -> None:
    assert not covers(outer, inner)


def test_no_layer_means_no_limit() -> None:
    assert narrow([None, NetworkAccess()]) == Reach(None, ())


def test_an_inner_layer_keeps_only_what_the_outer_allows() -> None:
    outer = NetworkAccess(allowed=("*.example.com", "test.net"))
    inner = NetworkAccess(allowed=("api.example.com", "evil.net"))
    assert narrow([outer, None, inner]).allowed == ("api.example.com",)
    assert narrow([outer, NetworkAccess()]).allowed == outer.allowed


def test_nothing_in_common_allows_nothing_and_not_everything() -> None:
    reach = narrow([NetworkAccess(allowed=("a.com",)), NetworkAccess(allowed=("b.com",))])
    assert reach.allowed == ()
    assert narrow([NetworkAccess(allowed=("a.com",)), NetworkAccess(allowed=("b.com",)), NetworkAccess()]).allowed == ()


def test_what_any_layer_blocks_stays_blocked() -> None:
    layers = [NetworkAccess(blocked=("a.com",)), NetworkAccess(blocked=("b.com", "a.com"))]
    assert narrow(layers).blocked == ("a.com", "b.com")


@pytest.mark.parametrize(
    ("reach", "url", "may"),
    [
        (Reach(), "https://anywhere.net/", True),
        (Reach(allowed=()), "https://anywhere.net/", False),
        (Reach(allowed=("example.com",)), "https://example.com/x", True),
        (Reach(allowed=("example.com",)), "https://example.org/x", False),
        (Reach(blocked=("*.example.com",)), "https://a.example.com/", False),
        (Reach(blocked=("*.example.com",)), "https://example.org/", True),
        (Reach(allowed=("*.example.com",), blocked=("https://example.com/private",)), "https://example.com/p", True),
        (Reach(allowed=("*.example.com",), blocked=("https://example.com/private",)), "https://example.com/privates",
         False),
        (Reach(allowed=("example.com",), blocked=("example.com",)), "https://example.com/", False),
    ],
)  # fmt: skip
def test_what_is_blocked_is_refused_and_the_rest_goes_by_what_is_allowed(reach: Reach, url: str, *, may: bool) -> None:
    assert permits(reach, url) is may
