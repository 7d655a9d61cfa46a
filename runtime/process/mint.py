"""Where chance and the clock come in: new ids, and the time as the wire writes it."""

import secrets
import time
import uuid
from datetime import UTC, datetime, timedelta

from runtime.core.ids import format_id, hex_of, next_uuid7


class Mint:
    """Mints ids that rise strictly. A session has one of its own, which starts after its newest event."""

    def __init__(self, after: str = "") -> None:
        self._last = int(hex_of(after), 16) if after else 0

    def new_id(self, prefix: str) -> str:
        """Return a new id, greater than every one minted before."""
        self._last = next_uuid7(self._last, time.time_ns() // 1_000_000, secrets.randbits(62))
        return format_id(prefix, self._last)


_process = Mint()


def new_id(prefix: str) -> str:
    """Return a new time-ordered id."""
    return _process.new_id(prefix)


def random_id(prefix: str) -> str:
    """Return an id that tells nothing of when it was made."""
    return format_id(prefix, uuid.uuid4().int)


def now() -> datetime:
    """Return the time, aware and in UTC."""
    return datetime.now(UTC)


def timestamp(after_s: float = 0.0) -> str:
    """Return the time in `after_s` seconds, by default now, as RFC 3339 in UTC with milliseconds."""
    moment = datetime.now(UTC) + timedelta(seconds=after_s) if after_s else datetime.now(UTC)
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"
