"""Amazon's event streams: frames of binary headers and JSON, each with its checksums, as botocore reads them.

An event becomes `{"its type": what it carries}`, as the SDK gives it to its users.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Any, Final

from botocore.eventstream import EventStreamBuffer, ParserError

from runtime.models.dialects.dialect import CutOffError, RefusedError

# That the vendor would have answered with, had it not begun already.
_STATUSES: Final[Mapping[str, int]] = {
    "validationException": 400,
    "accessDeniedException": 403,
    "throttlingException": 429,
    "modelStreamErrorException": 424,
    "modelTimeoutException": 408,
    "internalServerException": 500,
    "serviceUnavailableException": 503,
}
# What botocore raises for a frame that is none; KeyError for a header of a type that it does not know.
_UNREADABLE: Final = (ParserError, KeyError, struct.error)
_EVENT: Final = b'{"%b":%b}'


class Frames:
    """Takes a stream in pieces."""

    def __init__(self) -> None:
        self._buffer: Any = EventStreamBuffer()

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield each event that is whole. Raises RefusedError for one that is an error, CutOffError for none."""
        self._buffer.add_data(piece)
        try:
            for frame in self._buffer:
                yield _event(frame.headers, frame.payload)
        except _UNREADABLE as err:
            raise CutOffError(repr(err)) from err


def _event(headers: Mapping[str, Any], payload: bytes) -> bytes:
    match headers.get(":message-type"):
        case "event":
            return _EVENT % (str(headers.get(":event-type")).encode(), payload or b"{}")
        case "exception":
            kind = str(headers.get(":exception-type"))
            raise RefusedError(_STATUSES.get(kind), payload, is_midway=True)
        case _:
            said = b'{"message":"%b"}' % str(headers.get(":error-code")).encode()
            raise RefusedError(None, said, is_midway=True)
