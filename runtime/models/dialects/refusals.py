"""What a vendor's refusal means, in the wire's codes.

The vendor's own explanation goes along; the API key is cut out of it.
"""

from typing import Any, Final

import aiohttp
import msgspec
import structlog

from runtime.core.errors import ModelRejectedError, ModelUnavailableError
from runtime.models import failures
from runtime.models.dialects.dialect import RefusedError
from runtime.models.failures import Loss, Party, Refusal

log = structlog.get_logger(__name__)

_LONGEST: Final = 300  # characters of an error in the log


def refusal(err: RefusedError, party: Party, shown: str) -> ModelUnavailableError | ModelRejectedError:
    """Return our error for a vendor's. `shown` is the secret that it was sent and might repeat, if any."""
    said, marks = _read(err.body)
    code = _code(err.status, said, marks)
    log.info("model_call_failed", provider=party.type, failure=code, status=err.status)
    words = said.replace(shown, "***") if shown else said
    return failures.failure(party, code, Refusal(words, err.status, err.is_midway, err.retry_after_s))


def broken(err: Exception, party: Party) -> ModelUnavailableError | ModelRejectedError:
    """Return our error for an answer that did not come, or not to its end."""
    log.info("model_call_failed", provider=party.type, failure=failures.UNAVAILABLE, error=repr(err)[:_LONGEST])
    return failures.lost(party, _loss(err))


def _loss(err: Exception) -> Loss:
    if isinstance(err, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return Loss.UNREACHED
    return Loss.SILENT if isinstance(err, TimeoutError) else Loss.CUT_OFF


def _code(status: int | None, said: str, marks: str) -> str:
    is_theirs = status is not None and status >= 500  # noqa: PLR2004  the class of server errors
    known = None if is_theirs else failures.code_by_words(said, marks)
    return known or (failures.code_of(status) if status is not None else failures.UNAVAILABLE)


def _read(body: bytes) -> tuple[str, str]:
    """Return the words of an error's body, however deep it hides them, and its type and code."""
    try:
        error = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return "", ""
    while isinstance(error, dict) and isinstance(error.get("error"), dict | str):
        error = error["error"]
    if isinstance(error, dict):
        words: Any = error.get("message")
        marks = f"{error.get('type')} {error.get('code')} {error.get('status')}"
        return (words if isinstance(words, str) else ""), marks
    return (error if isinstance(error, str) else ""), ""
