"""What a front door tells the supervisor every few seconds: what it has counted, and how many clients listen here."""

import asyncio
from typing import Final, NoReturn

import structlog

from api.http.sse import Streams
from runtime.core.errors import PerdureError
from runtime.core.metrics.counts import add, take
from runtime.ports.operations import Operations
from runtime.process.metrics import counts

log = structlog.get_logger(__name__)

EVERY_S: Final = 5.0


async def report(operations: Operations, front_door: str, streams: Streams) -> NoReturn:
    """Tell for ever; what nobody has heard is told the next time."""
    while True:
        await asyncio.sleep(EVERY_S)
        counted = take(counts)
        try:
            await operations.report(front_door, counted, len(streams))
        except PerdureError as err:
            if counted is not None:
                add(counts, counted)
            log.info("report_postponed", reason=str(err))
