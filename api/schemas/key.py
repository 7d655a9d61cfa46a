"""What a session keeps under keys, on the wire."""

from typing import Self

import msgspec

from api.schemas.fields import Reply
from runtime.ports.keys import KeyValue


class KeyReply(Reply):
    """A key and its value, which is text."""

    key: str
    value: str
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, pair: KeyValue) -> Self:
        """Return a pair as the wire shows it."""
        return cls(**msgspec.structs.asdict(pair))
