"""How often clients may ask."""

import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from starlette.types import Scope

from api.http.limits import Allowances, Limits
from runtime.core.access.principal import ANONYMOUS, DEFAULT_ORG, Principal
from runtime.core.errors import LimitExceededError
from runtime.core.rate import Rate
from runtime.process.auth_settings import AuthMode
from runtime.process.limit_settings import LimitSettings
from runtime.process.settings import HttpSettings, Settings

WINDOW_S = 60


def somebody(credential_id: str | None = "token_1", org_id: str = DEFAULT_ORG) -> Principal:
    return msgspec.structs.replace(ANONYMOUS, credential_id=credential_id, org_id=org_id)


class Clock:
    """Time that stands still until it is moved."""

    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def request(address: str = "203.0.113.5", caller: Principal | None = None) -> Scope:
    return {"type": "http", "client": (address, 1), "state": {} if caller is None else {"principal": caller}}


def admitted(limits: Limits, times: int, scope: Scope) -> int:
    """Ask so many times; return how often that was allowed."""
    count = 0
    for _ in range(times):
        try:
            limits.admit({**scope})
        except LimitExceededError:
            continue
        count += 1
    return count


def test_a_credential_is_held_to_its_rate_wherever_it_comes_from(clock: Clock) -> None:
    limits = Limits(Allowances(requests=Rate(3)), clock)
    assert [admitted(limits, 1, request(f"203.0.113.{at}", somebody())) for at in range(5)] == [1, 1, 1, 0, 0]
    assert admitted(limits, 5, request(caller=somebody(credential_id="token_2"))) == 3
    clock.now_s += WINDOW_S / 3
    assert admitted(limits, 5, request(caller=somebody())) == 1


@pytest.mark.parametrize("caller", [None, somebody(credential_id=None)])
def test_without_a_credential_an_address_is(clock: Clock, caller: Principal | None) -> None:
    limits = Limits(Allowances(requests=Rate(3)), clock)
    assert admitted(limits, 5, request("203.0.113.5", caller)) == 3
    assert admitted(limits, 5, request("203.0.113.6", caller)) == 3


def test_addresses_of_one_ipv6_network_are_one(clock: Clock) -> None:
    limits = Limits(Allowances(requests=Rate(3)), clock)
    assert sum(admitted(limits, 1, request(f"2001:db8::{at:x}")) for at in range(100)) == 3


def test_an_organisation_is_held_to_its_own_rate_however_many_credentials_it_has(clock: Clock) -> None:
    limits = Limits(Allowances(org_requests=Rate(4)), clock)
    callers = [somebody(credential_id=f"token_{at}") for at in range(10)]
    assert sum(admitted(limits, 1, request(caller=caller)) for caller in callers) == 4
    assert admitted(limits, 1, request(caller=somebody(org_id="org_2"))) == 1


def test_what_is_refused_is_counted_nowhere(clock: Clock) -> None:
    limits = Limits(Allowances(requests=Rate(2), org_requests=Rate(3)), clock)
    assert admitted(limits, 50, request(caller=somebody())) == 2
    assert admitted(limits, 50, request(caller=somebody(credential_id="token_2"))) == 1


def test_no_limit_means_none(clock: Clock) -> None:
    scope = request()
    assert admitted(Limits(Allowances(), clock), 5_000, scope) == 5_000
    assert "reply_headers" not in scope


# ---------------------------------------------------------------- what clients are told


def said(limits: Limits, scope: Scope) -> Mapping[bytes, list[bytes]]:
    """Return what a reply says of limits."""
    scope = {**scope, "reply_headers": []}
    with contextlib.suppress(LimitExceededError):
        limits.admit(scope)
    found: dict[bytes, list[bytes]] = {}
    for name, value in scope["reply_headers"]:
        found.setdefault(name, []).append(value)
    return found


def test_a_reply_says_what_is_left(clock: Clock) -> None:
    limits = Limits(Allowances(requests=Rate(120)), clock)
    assert said(limits, request(caller=somebody())) == {
        b"ratelimit-policy": [b'"credential";q=120;w=60'],
        b"ratelimit": [b'"credential";r=119;t=60'],
    }
    assert said(limits, request())[b"ratelimit"] == [b'"address";r=119;t=60']


def test_whoever_asks_evenly_for_what_is_left_is_not_refused(clock: Clock) -> None:
    limits = Limits(Allowances(requests=Rate(120)), clock)
    admitted(limits, 80, request())
    assert said(limits, request())[b"ratelimit"] == [b'"address";r=39;t=20']


def test_each_limit_is_told_of(clock: Clock) -> None:
    limits = Limits(Allowances(requests=Rate(60), org_requests=Rate(600)), clock)
    told = said(limits, request(caller=somebody()))
    assert told[b"ratelimit"] == [b'"credential";r=59;t=59', b'"organization";r=599;t=60']


def test_a_refusal_says_when_to_come_again(clock: Clock) -> None:
    limits = Limits(Allowances(requests=Rate(2)), clock)
    admitted(limits, 2, request())
    with pytest.raises(LimitExceededError) as caught:
        limits.admit(request())
    assert caught.value.stable_code == "rate_limited"
    assert caught.value.retry_after_s == pytest.approx(30)
    assert said(limits, request())[b"ratelimit"] == [b'"address";r=0;t=30']


# ---------------------------------------------------------------- bad credentials


def failed(limits: Limits, times: int, scope: Scope) -> int:
    """Show so many bad credentials; return how many were still said to be bad."""
    count = 0
    for _ in range(times):
        with contextlib.suppress(LimitExceededError):
            limits.count_failure(scope)
            count += 1
    return count


def test_bad_credentials_of_an_address_are_held_to_a_rate_of_their_own(clock: Clock) -> None:
    limits = Limits(Allowances(requests=Rate(5), failures=Rate(3)), clock)
    assert failed(limits, 10, request()) == 3
    with pytest.raises(LimitExceededError) as caught:
        limits.count_failure(request())
    assert caught.value.stable_code == "rate_limited"
    assert caught.value.retry_after_s == pytest.approx(20)
    assert failed(limits, 10, request("203.0.113.6")) == 3
    clock.now_s += 20
    assert failed(limits, 10, request()) == 1


def test_bad_credentials_do_not_keep_good_ones_out(clock: Clock) -> None:
    limits = Limits(Allowances(requests=Rate(5), failures=Rate(3)), clock)
    failed(limits, 10, request())
    assert admitted(limits, 10, request(caller=somebody())) == 5


# ---------------------------------------------------------------- settings


def allowances(mode: AuthMode, **settings: Any) -> Allowances:
    """Return what holds in a mode of authentication."""
    groups = {"http": HttpSettings(), "limits": LimitSettings()} | settings
    return Allowances.of(Settings.model_construct(auth_mode=mode, **groups))


def test_without_authentication_only_what_is_set_limits() -> None:
    open_to_all = allowances(AuthMode.NONE)
    assert (open_to_all.requests, open_to_all.org_requests, open_to_all.streams_per_org) == (None, None, None)
    assert allowances(AuthMode.NONE, limits=LimitSettings(requests_per_minute=7)).requests == Rate(7)
    assert allowances(AuthMode.NONE, http=HttpSettings(sse_per_org=7)).streams_per_org == 7


def test_with_authentication_there_are_limits_unless_they_are_lifted() -> None:
    usual = allowances(AuthMode.FULL)
    assert (usual.requests, usual.org_requests, usual.streams_per_org) == (Rate(1_200), None, 1_000)
    assert usual.failures == Rate(30)
    assert allowances(AuthMode.FULL, limits=LimitSettings(requests_per_minute=0)).requests is None
    assert allowances(AuthMode.FULL, limits=LimitSettings(org_requests_per_minute=9)).org_requests == Rate(9)
