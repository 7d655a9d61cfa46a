"""Why somebody changes something: the `Everruns-Change-Reason` header (docs/wire.md, "Requests")."""

import re
import unicodedata
from typing import Final, NoReturn
from urllib.parse import unquote_to_bytes

from runtime.core.errors import InvalidInputError

MAX_CHARS: Final = 1000
_CREDENTIAL: Final = re.compile(
    r"\b(?:evr_(?:pat|ak|app)_|sk-|ghp_|github_pat_|xox[abp]-|AKIA)[A-Za-z0-9_-]{12,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\bBearer\s+[A-Za-z0-9._~+/-]{16,}",
)


def change_reason(header: str | None) -> str | None:
    """Return the decoded reason, or None for none.

    Raises:
        InvalidInputError: too long, with control characters, not UTF-8, or with what looks like a secret.
    """
    if header is None:
        return None
    try:
        reason = unquote_to_bytes(header.encode("latin-1")).decode().strip()
    except UnicodeDecodeError:
        _refuse("is not percent-encoded UTF-8")
    if len(reason) > MAX_CHARS:
        _refuse(f"is longer than {MAX_CHARS} characters")
    if any(unicodedata.category(char) == "Cc" and char not in "\n\t" for char in reason):
        _refuse("has control characters")
    if _CREDENTIAL.search(reason):
        _refuse("looks like it contains a credential")
    return reason or None


def _refuse(why: str) -> NoReturn:
    message = f"The change reason {why}."
    raise InvalidInputError(message, "invalid_change_reason")
