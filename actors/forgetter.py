"""Forgets, in the supervisor, what was deleted long enough ago."""

import asyncio
from typing import Final

import structlog

from runtime.core.errors import StoreUnavailableError
from runtime.process.failpoint import Loop, stumble
from runtime.store.forgetting import Forgetting

log = structlog.get_logger(__name__)

INTERVAL_S: Final = 5.0


async def forget_for_ever(forgetting: Forgetting) -> None:
    """Forget what is due, then look again after a while; essential, so it never returns."""
    while True:
        stumble(Loop.FORGETTING)
        try:
            await _look(forgetting)
        except StoreUnavailableError as err:
            log.warning("forgetting_postponed", reason=err.reason)
        await asyncio.sleep(INTERVAL_S)


async def _look(forgetting: Forgetting) -> None:
    while outdated := await forgetting.delete_outdated():
        log.info("sessions_outdated", sessions=outdated)
    while due := await forgetting.due():
        for session_id in due:
            await forgetting.forget(session_id)
        log.info("sessions_forgotten", sessions=len(due))
