"""Whose a credential is, from memory: a request costs a look-up in a table of this process, and no query.

What is remembered is what the database said, and a quarter of a second old at most: four times a second it is asked
whether anything about access has changed (`access_revision`), and if so, all that is remembered is read again. While
the database is away, what is remembered goes on being good.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import structlog

from runtime.core.access.principal import Principal
from runtime.core.access.roles import granted
from runtime.core.errors import ForbiddenError, NotFoundError, PerdureError, StoreUnavailableError, UnauthenticatedError
from runtime.core.ids import parse_id
from runtime.identity.credentials import NEVER, Read, Reader
from runtime.ports.access import Revoked, Shown
from runtime.ports.identity import Standing, Standings
from runtime.process.mint import now

log = structlog.get_logger(__name__)

CHECK_S: Final = 0.25
USE_NOTED_S: Final = 60.0
MOST: Final = 50_000  # remembered, at about a kilobyte each
BATCH: Final = 1_000


class _Known(NamedTuple):
    principal: Principal
    credential_id: str
    expires_at: datetime


class RememberingAuthenticator:
    """Asks each reader in turn about a credential it does not know, and `standings` about those it knows."""

    def __init__(self, standings: Standings, readers: Sequence[Reader], most: int = MOST) -> None:
        self._standings = standings
        self._readers = readers
        self._most = most
        self._known: OrderedDict[Shown, _Known] = OrderedDict()
        self._shown: dict[str, set[Shown]] = {}  # by credential
        self._used: set[str] = set()
        self._listeners: list[Revoked] = []
        self._revision: int | None = None
        self._is_behind = False
        self._soonest = NEVER  # that something remembered expires

    def on_revoked(self, listener: Revoked) -> None:
        """Have a listener told of credentials that are not good any more, or not for what they were good for."""
        self._listeners.append(listener)

    async def principal(self, shown: Shown) -> Principal:
        """Return as whom a request acts (`runtime.ports.access.Authenticator`)."""
        known = self._known.get(shown)
        if known is None or known.expires_at <= now():
            known = await self._look_up(shown)
        else:
            self._known.move_to_end(shown)
        self._used.add(known.credential_id)
        return known.principal

    # ------------------------------------------------------------ what is not known

    async def _look_up(self, shown: Shown) -> _Known:
        if shown.token is None:
            message = "This needs a credential: send a token as `Authorization: Bearer …`."
            raise UnauthenticatedError(message)
        while True:
            revision = self._revision
            read = await self._read(shown.token)
            if revision == self._revision:  # else what was read may be older than what was just read again
                break
        if read is None or read.expires_at <= now():
            message = "The credential is not good, or no longer."
            raise UnauthenticatedError(message, "invalid_token")
        known = _Known(act_as(read.standing, shown.org), read.standing.credential_id, read.expires_at)
        self._remember(shown, known)
        return known

    async def _read(self, token: str) -> Read | None:
        for reader in self._readers:
            if (read := await reader.read(token)) is not None:
                return read
        return None

    def _remember(self, shown: Shown, known: _Known) -> None:
        self._known[shown] = known
        self._shown.setdefault(known.credential_id, set()).add(shown)
        self._soonest = min(self._soonest, known.expires_at)
        if len(self._known) > self._most:
            # It is asked about no more, so whoever relies on it must show it again.
            self._forget([next(iter(self._known))])

    # ------------------------------------------------------------ what has changed

    async def watch(self) -> None:
        """Keep what is remembered true; for ever."""
        noted_at, is_away = asyncio.get_running_loop().time(), False
        while True:
            await asyncio.sleep(CHECK_S)
            self._expire()
            try:
                await self.catch_up()
                if asyncio.get_running_loop().time() - noted_at >= USE_NOTED_S:
                    noted_at = asyncio.get_running_loop().time()
                    await self.note_used()
            except StoreUnavailableError as err:
                if not is_away:
                    log.warning("access_not_checked", reason=err.reason)
                is_away = True
            else:
                is_away = False

    async def catch_up(self) -> None:
        """Read again what is remembered, if anything about access has changed. Raises StoreUnavailableError."""
        revision = await self._standings.revision()
        if revision == self._revision and not self._is_behind:
            return
        self._revision, self._is_behind = revision, True
        for credential_ids in _batches(self._shown):
            standings = await self._standings.several(credential_ids)
            changed = [
                shown
                for credential_id in credential_ids
                for shown in self._shown.get(credential_id, ())
                if not _holds(self._known[shown], standings.get(credential_id), shown.org)
            ]
            self._forget(changed, is_changed=True)
        self._is_behind = False

    async def note_used(self) -> None:
        """Note which tokens were used since the last time. Raises StoreUnavailableError."""
        used, self._used = self._used, set()
        tokens = [credential_id for credential_id in used if credential_id.startswith("token_")]
        try:
            for some in _batches(tokens):
                await self._standings.note_used(some)
        except StoreUnavailableError:
            self._used |= used
            raise

    def _expire(self) -> None:
        moment = now()
        if self._soonest <= moment:
            self._forget([shown for shown, known in self._known.items() if known.expires_at <= moment])
            self._soonest = min((known.expires_at for known in self._known.values()), default=NEVER)

    def _forget(self, forgotten: Iterable[Shown], *, is_changed: bool = False) -> None:
        """Forget credentials, and tell of those that changed or of which nothing is left; a renewed one is not over."""
        ended = set()
        for shown in forgotten:
            credential_id = self._known.pop(shown).credential_id
            others = self._shown[credential_id]
            others.discard(shown)
            if not others:
                del self._shown[credential_id]
            if is_changed or not others:
                ended.add(credential_id)
        if ended:
            for listener in self._listeners:
                listener(ended)


def act_as(standing: Standing, org: str | None) -> Principal:
    """Return the principal of a credential in an organisation; without one at home, else where they came first.

    Raises:
        InvalidInputError: `org` is no id.
        NotFoundError: they are not in it.
        ForbiddenError: `no_organization`: none is named, and they are in none.
    """
    if org is not None:
        org_id = parse_id("org", org)
    elif standing.home_org_id is not None and standing.home_org_id in standing.roles:
        org_id = standing.home_org_id
    elif standing.roles:
        org_id = next(iter(standing.roles))
    else:
        message = "You are not in any organisation: an administrator of one has to add you."
        raise ForbiddenError(message, "no_organization")
    role = standing.roles.get(org_id)
    if role is None:
        raise NotFoundError("organization", org_id)
    return Principal(
        org_id=org_id,
        user_id=standing.user_id,
        role=role,
        scopes=granted(role, is_system_admin=standing.is_system_admin, narrowed_to=standing.scopes),
        credential_id=standing.credential_id,
    )


def _holds(known: _Known, standing: Standing | None, org: str | None) -> bool:
    """Tell whether a credential is good still, for the same."""
    if standing is None or (standing.expires_at or NEVER) < known.expires_at:
        return False
    try:
        return act_as(standing, org) == known.principal
    except PerdureError:
        return False


def _batches(ids: Collection[str]) -> Iterator[Sequence[str]]:
    listed = list(ids)
    return (listed[start : start + BATCH] for start in range(0, len(listed), BATCH))
