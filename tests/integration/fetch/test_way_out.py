"""The way out, against names and servers that lie, in a network namespace with public and inner addresses (town.py)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.fetch.town import ERRANDS, INNER, OUTER, PICTURES, PROVIDERS, PUBLIC, PUBLIC_6

REPOSITORY: Final = Path(__file__).resolve().parents[3]
UNSHARE: Final = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--net", "--mount"]
TOWN_S: Final = 100


def can_build() -> bool:
    """Tell whether this machine lets us have a network of our own."""
    probe = [*UNSHARE, "ip", "link", "set", "lo", "up"]
    try:
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0  # noqa: S603  ours
    except FileNotFoundError:
        return False


pytestmark = [
    pytest.mark.timeout(TOWN_S + 20),
    pytest.mark.skipif(not can_build(), reason="a town of its own needs a network namespace, which is refused here"),
]


@pytest.fixture(scope="module")
def town() -> dict[str, Any]:
    """What became of all errands."""
    command = [*UNSHARE, sys.executable, "-m", "tests.integration.fetch.town"]
    ended = subprocess.run(command, capture_output=True, check=False, cwd=REPOSITORY, timeout=TOWN_S)  # noqa: S603  ours
    assert ended.returncode == 0, ended.stderr.decode()
    told: dict[str, Any] = json.loads(ended.stdout)
    assert set(told["found"]) == {*ERRANDS, *(f"provider at {name}" for name in PROVIDERS)}
    return told


@pytest.mark.parametrize(
    "errand", ["public", "public over ipv6", "public address", "first answer of fickle", "allowed"]
)
def test_what_is_public_is_reached(town: dict[str, Any], errand: str) -> None:
    found = town["found"][errand]
    assert (found.get("status"), found.get("body")) == (200, "hello"), found


@pytest.mark.parametrize(
    "errand",
    [
        "own", "loopback", "loopback6", "private", "metadata", "metadata6", "mapped", "nat64", "sixtofour", "both",
        "families", "second answer of fickle", "allowed by name, and inside",
        *(name for name in ERRANDS if name.startswith("http://")),
        *(name for name in ERRANDS if name.startswith("redirect to") and not name.endswith(("other", "allowed"))),
    ],
)  # fmt: skip
def test_what_is_inside_is_refused_however_it_is_named_and_whatever_leads_there(
    town: dict[str, Any], errand: str
) -> None:
    assert town["found"][errand].get("error") in ("address_not_public", "invalid_request"), town["found"][errand]


def test_nobody_inside_was_even_connected_to(town: dict[str, Any]) -> None:
    connected = {address.removeprefix("::ffff:") for address in town["connected"]}
    assert {PUBLIC, PUBLIC_6} <= connected <= set(OUTER)
    assert not connected & set(INNER)


def test_a_name_is_asked_for_once_for_each_connection_and_what_was_judged_is_connected_to(town: dict[str, Any]) -> None:
    assert town["asked"]["fickle.example 1"] == 2  # by two errands, the first of which closed its connection


@pytest.mark.parametrize("errand", ["not allowed", "redirect to what is not allowed", "blocked"])
def test_the_network_access_of_the_agent_holds_also_behind_redirects(town: dict[str, Any], errand: str) -> None:
    assert town["found"][errand].get("error") == "address_not_allowed"


def test_another_origin_hears_nothing_that_was_meant_for_the_first(town: dict[str, Any]) -> None:
    abroad, at_home = town["found"]["redirect to other"], town["found"]["headers at home"]
    assert abroad["url"] == "http://other.example/headers"
    assert "secret" not in abroad["body"]
    assert "cookie" not in abroad["body"].lower()
    assert "Bearer secret" in at_home["body"]


def test_no_cookie_of_one_request_is_sent_with_another(town: dict[str, Any]) -> None:
    assert town["found"]["cookie set"]["status"] == 200
    assert "kept" not in town["found"]["cookie kept"]["body"]


def test_redirects_end(town: dict[str, Any]) -> None:
    assert town["found"]["redirects without end"]["status"] == 302


@pytest.mark.parametrize("errand", ["bomb", "bomb of deflate", "endless"])
def test_an_answer_without_end_is_cut_off(town: dict[str, Any], errand: str) -> None:
    assert town["found"][errand].get("error") == "answer_too_large", town["found"][errand]


def test_what_is_packed_is_never_unpacked_whole(town: dict[str, Any]) -> None:
    assert town["peak_bytes"] < 300 << 20  # each bomb holds 512 MB, and the client is asked for 5 MB at most


@pytest.mark.parametrize("errand", ["drip", "silence", "name that is never answered"])
def test_an_answer_that_takes_its_time_is_given_up(town: dict[str, Any], errand: str) -> None:
    found = town["found"][errand]
    assert (found.get("error"), "more than 1 s" in found.get("words", "")) == ("address_unavailable", True), found


@pytest.mark.parametrize("errand", ["name that nobody knows", "not http", "cut", "endless header"])
def test_what_is_broken_is_a_failure_in_words(town: dict[str, Any], errand: str) -> None:
    assert town["found"][errand].get("error") == "address_unavailable", town["found"][errand]


def test_a_provider_that_no_administrator_of_the_server_vouches_for_is_never_inside(town: dict[str, Any]) -> None:
    became = {name: town["found"][f"provider at {name}"] for name in PROVIDERS}
    assert became.pop("public.example") == {"status": 200}
    assert all(found == {"error": "address_not_public"} for found in became.values()), became


def test_a_body_arrives(town: dict[str, Any]) -> None:
    assert town["found"]["post"]["body"] == "said"


def test_a_picture_of_a_message_is_fetched_from_where_it_is_public_and_nowhere_else(town: dict[str, Any]) -> None:
    words = [town["pictures"][url] for url in PICTURES]
    assert words[:2] == ["", ""]
    assert "not readable" in words[2]
    assert "its server answered 302" in words[3]
    assert "larger than 10,000,000 bytes" in words[4]
    assert all("leads to an address that is not public" in refused for refused in words[5:]), words[5:]
