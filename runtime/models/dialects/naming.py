"""Ids and names of tool calls for vendors that refuse some: another server, or a model's fancy, gave a call any.

What fits stays as it is. What does not is changed in the same way each time, so a result still finds its call.
"""

import re
from hashlib import sha256
from typing import Final

ID_CHARS: Final = 64
_ID: Final = re.compile(rf"[a-zA-Z0-9_-]{{1,{ID_CHARS}}}")
_UNFIT: Final = re.compile(r"[^a-zA-Z0-9_-]")


def fitting_id(call_id: str) -> str:
    """Return an id of at most 64 letters, digits, `_` and `-`."""
    if _ID.fullmatch(call_id):
        return call_id
    return f"call_{sha256(call_id.encode()).hexdigest()[:32]}"


def fitting_name(name: str, most_chars: int) -> str:
    """Return a name of so many letters, digits, `_` and `-` at most, and one at least."""
    return _UNFIT.sub("_", name)[:most_chars] or "_"
