"""Forgets, in the supervisor, what was deleted long enough ago."""

import asyncio
from typing import Final

import structlog

from runtime.core.errors import StoreRefusedError, StoreUnavailableError
from runtime.process.failpoint import Loop, stumble
from runtime.store.forgetting import Forgetting

log = structlog.get_logger(__name__)

INTERVAL_S: Final = 5.0
PARTS_AT_ONCE: Final = 100


async def forget_for_ever(forgetting: Forgetting) -> None:
    """Forget what is due, then look again after a while; essential, so it never returns."""
    while True:
        stumble(Loop.FORGETTING)
        for work in (_delete_outdated, _empty_organizations, _forget_due, _forget_logins):
            try:
                await work(forgetting)
            except StoreUnavailableError as err:
                log.warning("forgetting_postponed", reason=err.reason)
        await asyncio.sleep(INTERVAL_S)


async def _delete_outdated(forgetting: Forgetting) -> None:
    while outdated := await forgetting.delete_outdated():
        log.info("sessions_outdated", sessions=outdated)


async def _empty_organizations(forgetting: Forgetting) -> None:
    for _ in range(PARTS_AT_ONCE):  # what others wait to be rid of is not held up by one that left very much
        if not await forgetting.empty_organization():
            return


async def _forget_due(forgetting: Forgetting) -> None:
    while due := await forgetting.due():
        forgotten = [session_id for session_id in due if await _forget(forgetting, session_id)]
        if not forgotten:
            return
        log.info("sessions_forgotten", sessions=len(forgotten))


async def _forget_logins(forgetting: Forgetting) -> None:
    while forgotten := await forgetting.forget_logins():
        log.info("logins_forgotten", logins=forgotten)


async def _forget(forgetting: Forgetting, session_id: str) -> bool:
    """Forget a session; False if that must wait, say for somebody who took its workspace in that moment."""
    try:
        await forgetting.forget(session_id)
    except StoreRefusedError as err:
        log.warning("session_not_forgotten", session_id=session_id, sqlstate=err.sqlstate)
        return False
    return True
