"""The rows that this suite adds to locust's table. Locust itself merges them over its workers."""

from collections.abc import Callable
from typing import Final, NamedTuple

from loadtests.sse import Fault


class Row(NamedTuple):
    """A row of locust's table: its Type column, and its Name column."""

    type: str
    name: str


FIRST_TOKEN: Final = Row("TURN", "first token")
TURN_END: Final = Row("TURN", "turn end")
DELTA_GAP: Final = Row("STREAM", "gap between deltas")
TRUNCATION: Final = Row("STREAM", "truncation")
GAP: Final = Row("STREAM", Fault.GAP.value)
REPEAT: Final = Row("STREAM", Fault.REPEAT.value)
OVERLOAD: Final = Row("OVERLOAD", "429 or 503")

OWN_TYPES: Final = frozenset({"TURN", "STREAM", "OVERLOAD"})  # all others are HTTP requests
OVERLOADED: Final = frozenset({429, 503})


class BrokenPromiseError(Exception):
    """A stream was cut off, or its sequences were not dense."""


class TurnError(Exception):
    """A turn that did not complete: failed, sealed, cancelled, or not ended in time."""


class OverloadError(Exception):
    """The server asked to be spared for a while."""


class Meter:
    """Writes rows. `fire` is locust's request event; times are in milliseconds."""

    def __init__(self, fire: Callable[..., None]) -> None:
        self._fire = fire

    def first_token(self, ms: float) -> None:
        """From sending a message to the first delta, or to the whole reply where none came."""
        self._row(FIRST_TOKEN, ms)

    def turn_end(self, ms: float, failure: str | None) -> None:
        """From sending a message to the end of its turn; `failure` says how it ended if not well."""
        self._row(TURN_END, ms, TurnError(failure) if failure else None)

    def delta_gap(self, ms: float) -> None:
        """Between two deltas of one reply."""
        self._row(DELTA_GAP, ms)

    def truncation(self, how: str) -> None:
        """A stream ended without a goodbye, though its session is still there."""
        self._row(TRUNCATION, None, BrokenPromiseError(how))

    def fault(self, fault: Fault) -> None:
        """A sequence was left out, or came again."""
        self._row(Row("STREAM", fault.value), None, BrokenPromiseError(fault.value))

    def overload(self, status: int) -> None:
        """A request was answered with 429 or 503."""
        self._row(OVERLOAD, None, OverloadError(str(status)))

    def request(self, row: Row, ms: float, exception: Exception | None = None) -> None:
        """An HTTP request that locust's own client did not make."""
        self._row(row, ms, exception)

    def _row(self, row: Row, ms: float | None, exception: Exception | None = None) -> None:
        self._fire(
            request_type=row.type, name=row.name, response_time=ms, response_length=0, exception=exception, context={}
        )
