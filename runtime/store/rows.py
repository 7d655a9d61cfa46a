"""How rows become values and values rows: ids, times, JSON."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec

from runtime.core.authored.definition import Layer
from runtime.core.errors import InvalidInputError
from runtime.core.ids import format_id, hex_of, parse_id
from runtime.core.storable import is_storable, storable


def rfc3339(moment: datetime) -> str:
    """Return a time as the wire writes it: UTC with milliseconds, `2026-01-02T03:04:05.678Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def rfc3339_or_none(moment: datetime | None) -> str | None:
    """Return a time as the wire writes it, if there is one."""
    return None if moment is None else rfc3339(moment)


def public_id(prefix: str, key: UUID) -> str:
    """Return the public id of a row's key."""
    return format_id(prefix, key.int)


def key_or_name(prefix: str, text: str) -> tuple[str | None, str | None]:
    """Return (key, None) for an id and (None, name) for a name; names hold no underscore.

    Raises:
        InvalidInputError: it begins like an id and is none.
    """
    if text.startswith(f"{prefix}_"):
        return hex_of(parse_id(prefix, text)), None
    return None, storable(text)


def check_storable(what: str, text: str | None) -> None:
    """Pass if Postgres can hold a text. Raises InvalidInputError."""
    if text and not is_storable(text):
        message = f"A {what} must be Unicode text without NUL."
        raise InvalidInputError(message, f"invalid_{what.replace(' ', '_')}")


def to_config(definition: Layer) -> str:
    """Return the text for a config column.

    Raises:
        InvalidInputError: what lists search in holds a NUL, over which Postgres would trip in every list.
    """
    check_storable("display name", getattr(definition, "display_name", None))
    check_storable("description", getattr(definition, "description", None))
    return msgspec.json.encode(definition).decode()
