"""How often clients may ask: by credential, else by address, and by organisation; bad credentials apart, by address.

To admit a request takes no query. Each front door has buckets of its own (`runtime/core/rate.py`); once a second it
tells in Postgres what was taken from them, and hears what was taken elsewhere. So a client may get from each further
door what it asks for within that second, a bucket at most; but it owes it, and over time all doors together keep to the
rate.
"""

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Final, NoReturn, Self

import structlog
from starlette.types import Scope

from api.http.callers import address_of, caller_of
from api.http.headers import Header
from runtime.core.errors import LimitExceededError, StoreUnavailableError
from runtime.core.rate import Buckets, Rate
from runtime.ports.rates import RateUsage
from runtime.process.auth_settings import AuthMode
from runtime.process.settings import Settings

log = structlog.get_logger(__name__)

SHARE_S: Final = 1.0  # between two exchanges with other front doors
MOST_TOLD: Final = 5_000  # buckets in one exchange; others follow in the next
_EXCHANGES_A_SWEEP: Final = 60
_REQUESTS_PER_MINUTE: Final = 1_200
_STREAMS_PER_ORG: Final = 1_000


@dataclass(frozen=True, slots=True)
class Allowances:
    """What clients may use of a server. None: any number."""

    requests: Rate | None = None
    org_requests: Rate | None = None
    failures: Rate | None = None
    streams_per_org: int | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return those of the settings. Where nobody says who they are all are one, and limited by what is set only."""
        is_open = settings.auth_mode is AuthMode.NONE
        requests, streams = settings.limits.requests_per_minute, settings.http.sse_per_org
        if requests is None:
            requests = 0 if is_open else _REQUESTS_PER_MINUTE
        if streams is None and not is_open:
            streams = _STREAMS_PER_ORG
        per_org = settings.limits.org_requests_per_minute
        return cls(
            requests=Rate(requests) if requests else None,
            org_requests=Rate(per_org) if per_org else None,
            failures=Rate(settings.limits.failures_per_minute),
            streams_per_org=streams,
        )


ANY: Final = Allowances()


class _Policy:
    """One rate, as clients are told of it (draft-ietf-httpapi-ratelimit-headers-11)."""

    def __init__(self, name: str, rate: Rate) -> None:
        self.name = name
        self.buckets = Buckets(rate)
        self.header: Header = (b"ratelimit-policy", b'"%s";q=%d;w=%d' % (name.encode(), rate.limit, rate.window_s))
        self._cost_s = rate.cost_s

    def left(self, number: int, wait_s: float = 0.0) -> Header:
        """Say how many are left, and for how long: to ask evenly for that time keeps to the rate."""
        seconds = math.ceil(wait_s or number * self._cost_s) or 1
        return b"ratelimit", f'"{self.name}";r={number};t={seconds}'.encode()


class Limits:
    """The rates that this front door holds its clients to."""

    def __init__(self, allowances: Allowances, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        requests, org_requests = allowances.requests, allowances.org_requests
        self._credentials = _Policy("credential", requests) if requests else None
        self._addresses = _Policy("address", requests) if requests else None
        self._organizations = _Policy("organization", org_requests) if org_requests else None
        self._failures = _Policy("failure", allowances.failures) if allowances.failures else None
        every = (self._credentials, self._addresses, self._organizations, self._failures)
        self._policies = {policy.name: policy for policy in every if policy is not None}

    def admit(self, scope: Scope) -> None:
        """Count a request, and let its reply say what is left.

        Raises:
            LimitExceededError: `rate_limited`; the request is not counted.
        """
        held = self._held(scope)
        if not held:
            return
        now_s = self._clock()
        said: list[Header] = scope.setdefault("reply_headers", [])
        for policy, who in held:
            if wait_s := policy.buckets.wait_s(who, now_s):
                said += (policy.header, policy.left(0, wait_s))
                _refuse(f"This {policy.name} may ask {policy.buckets.rate.limit} times a minute.", wait_s)
        for policy, who in held:
            said += (policy.header, policy.left(policy.buckets.take(who, now_s)))

    def count_failure(self, scope: Scope) -> None:
        """Count a credential that was bad. Good ones from the same address pass, however many bad ones come.

        Raises:
            LimitExceededError: `rate_limited`: too many came from there.
        """
        if self._failures is None:
            return
        now_s, who = self._clock(), address_of(scope)
        if wait_s := self._failures.buckets.wait_s(who, now_s):
            _refuse("Too many bad credentials came from this address.", wait_s)
        self._failures.buckets.take(who, now_s)

    def _held(self, scope: Scope) -> list[tuple[_Policy, str]]:
        caller = caller_of(scope)
        held = []
        if self._credentials is not None and caller is not None and caller.credential_id is not None:
            held.append((self._credentials, caller.credential_id))
        elif self._addresses is not None:
            held.append((self._addresses, address_of(scope)))
        if self._organizations is not None and caller is not None:
            held.append((self._organizations, caller.org_id))
        return held

    # ---------------------------------------------------------------- with other front doors

    async def share(self, usage: RateUsage) -> None:
        """Go on telling other front doors what was used here, and hearing what was used there.

        While the database is away each of them limits by itself, and what is used then is not told later: it would be
        a debt of what has long come back.
        """
        is_away = False
        for at in count(1):
            await asyncio.sleep(SHARE_S)
            try:
                if await self.exchange(usage):
                    is_away = False
                if at % _EXCHANGES_A_SWEEP == 0:
                    await usage.forget_full()
            except StoreUnavailableError as err:
                if not is_away:
                    log.warning("rates_not_shared", reason=err.reason)
                is_away = True

    async def exchange(self, usage: RateUsage) -> bool:
        """Tell and hear, once; return whether there was anything to tell. Raises StoreUnavailableError."""
        now_s = self._clock()
        used_s: dict[str, float] = {}
        for name, policy in self._policies.items():
            policy.buckets.forget(now_s)
            used_s |= {f"{name}:{who}": seconds for who, seconds in policy.buckets.tell(MOST_TOLD).items()}
        if not used_s:
            return False
        owed_s: defaultdict[str, dict[str, float]] = defaultdict(dict)
        for key, seconds in (await usage.exchange(used_s)).items():
            name, _, who = key.partition(":")
            owed_s[name][who] = seconds
        for name, owed in owed_s.items():
            self._policies[name].buckets.hear(owed, now_s)
        return True


def _refuse(words: str, wait_s: float) -> NoReturn:
    raise LimitExceededError(words, "rate_limited", wait_s)
