"""Server-sent events out of bytes, cut anywhere: the data of each, as WHATWG's HTML says (section 9.2.6)."""

from collections.abc import Iterator
from typing import Final

LONGEST_BYTES: Final = 32 << 20  # of one event; a picture may be in it


class Events:
    """Takes a stream in pieces. The names of events are left out: every vendor repeats them in the data."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._data_bytes = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield the data of each event that has ended. Raises ValueError if one does not end."""
        self._rest += piece
        if len(self._rest) + self._data_bytes > LONGEST_BYTES:
            message = f"an event has more than {LONGEST_BYTES} bytes"
            raise ValueError(message)
        *lines, self._rest = self._rest.replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
                self._data_bytes += len(line)
            elif not line and self._data:
                yield b"\n".join(self._data)
                self._data.clear()
                self._data_bytes = 0
