"""What may be asked as far as words tell, and what a redirect leads to."""

import pytest
from yarl import URL

from runtime.core.authored.network import Reach
from runtime.core.errors import ForbiddenError, InvalidInputError
from runtime.fetch.target import check_words, redirected, target
from runtime.ports.outbound import OutboundRequest

HERE = URL("https://here.example/a/b?c=d")


@pytest.mark.parametrize(
    "url",
    [
        "", "nothing", "/path", "//host/path", "ftp://host/", "file:///etc/passwd", "gopher://host/", "http://",
        "http:///path", "http://user@host/", "http://user:word@host/", "http://[::1", "http://h:99999/", "data:,x",
        "http://127.1/", "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://2130706433/", "http://0x7f000001/",
        "http://1.2.3.4./", "http://a.0x1/", "http://[fe80::1%25eth0]/", "http://./", "http://h/" + "x" * 9_000,
    ],
)  # fmt: skip
def test_what_is_no_plain_url_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(InvalidInputError):
        target(url, Reach())


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("HTTP://Host.Example:80/a/../b", "http://host.example/b"),
        ("https://h.example/%2e%2e/%61?q=%20", "https://h.example/a?q=%20"),
        ("https://b\u00fccher.example/", "https://xn--bcher-kva.example/"),
        ("http://\uff11\uff12\uff17.0.0.1/", "http://127.0.0.1/"),  # as the network reads it, to be judged there
        ("http://[2606:4700:0:0::1111]:8080/", "http://[2606:4700::1111]:8080/"),
    ],
)
def test_a_url_is_judged_in_the_form_in_which_it_is_sent(url: str, normal: str) -> None:
    assert str(target(url, Reach())) == normal


@pytest.mark.parametrize(
    "url",
    [
        "https://h.example/private/x", "https://H.example:443/private/", "https://h.example./private/",
        "https://h.example/open/../private/", "https://h.example/%70rivate/", "https://h.example/x/%2e%2e/private/",
    ],
)  # fmt: skip
def test_what_is_blocked_is_blocked_however_it_is_written(url: str) -> None:
    with pytest.raises(ForbiddenError, match="network access"):
        target(url, Reach(blocked=("https://h.example/private/",)))


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("CONNECT", {}),
        ("TRACE", {}),
        ("GET /x HTTP/1.1\r\nHost:", {}),
        ("GET", {"Host": "other.example"}),
        ("GET", {"transfer-encoding": "chunked"}),
        ("GET", {"Accept-Encoding": "br"}),
        ("GET", {"x": "a\r\ny: b"}),
        ("GET", {"x\r\ny": "b"}),
        ("GET", {"x": "\u20ac"}),
        ("GET", {"": "x"}),
    ],
)
def test_who_is_asked_and_how_is_not_for_the_caller_to_say(method: str, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError):
        check_words(OutboundRequest(url=str(HERE), method=method, headers=headers))


def after(request: OutboundRequest, status: int, where: str) -> OutboundRequest | None:
    return redirected(request, HERE, status, {"location": where})


def post(**headers: str) -> OutboundRequest:
    return OutboundRequest(url=str(HERE), method="POST", body=b"secret", headers={"Content-Type": "x", **headers})


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_post_that_is_sent_elsewhere_becomes_a_get(status: int) -> None:
    further = after(post(Accept="y"), status, "/c")
    assert further is not None
    assert (further.url, further.method, further.body) == ("https://here.example/c", "GET", None)
    assert further.headers == {"Accept": "y"}


@pytest.mark.parametrize("status", [307, 308])
def test_a_post_is_repeated_at_the_same_origin_only(status: int) -> None:
    assert (same := after(post(), status, "c")) is not None
    assert (same.url, same.method, same.body) == ("https://here.example/a/c", "POST", b"secret")
    assert after(post(), status, "https://there.example/") is None


@pytest.mark.parametrize("where", ["https://there.example/", "http://here.example/", "https://here.example:8443/"])
def test_another_origin_hears_nothing_that_was_meant_for_the_first(where: str) -> None:
    request = OutboundRequest(
        url=str(HERE), headers={"Authorization": "a", "cookie": "b", "X-Api-Key": "c", "Accept": "d"}
    )
    further = after(request, 302, where)
    assert further is not None
    assert further.headers == {"Accept": "d"}


def test_redirects_are_counted_down_and_then_shown_as_they_are() -> None:
    request = OutboundRequest(url=str(HERE), redirects=1)
    assert (further := after(request, 302, "/c")) is not None
    assert further.redirects == 0
    assert after(further, 302, "/d") is None


def test_an_answer_that_leads_nowhere_is_the_last() -> None:
    request = OutboundRequest(url=str(HERE))
    assert after(request, 200, "/c") is None
    assert after(request, 304, "/c") is None
    assert redirected(request, HERE, 302, {}) is None
    with pytest.raises(InvalidInputError):
        after(request, 302, "http://[broken/")
