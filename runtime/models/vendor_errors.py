"""What pydantic-ai, a vendor's SDK or the network raise, in the wire's codes. No vendor exception gets past here.

The vendor's own explanation goes along; the API key is cut out of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx2
import structlog
from aiohttp import ClientError
from pydantic_ai import exceptions as ai

from runtime.core.errors import ModelRejectedError, ModelUnavailableError
from runtime.models import failures
from runtime.models.failures import Loss, Party, Refusal

log = structlog.get_logger(__name__)

# What code that reads a garbled reply may raise. The SDKs build their objects without validating, so a
# reply of the wrong shape fails wherever it is first used.
VENDOR_ERRORS: Final = (
    ai.AgentRunError,
    ai.UserError,
    httpx2.HTTPError,
    httpx2.StreamError,
    ClientError,
    OSError,
    TimeoutError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    RuntimeError,
)
_CODES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (ai.ModelRateLimitError, failures.RATE_LIMITED),
    (ai.ModelQuotaExceededError, failures.QUOTA),
    (ai.ModelUnavailableError, failures.UNAVAILABLE),
    (ai.ModelServerError, failures.UNAVAILABLE),
    (ai.ModelConnectionError, failures.UNAVAILABLE),
    (ai.ModelRequestTimeout, failures.UNAVAILABLE),
    (ai.ModelContextWindowExceededError, failures.TOO_LARGE),
)


@contextmanager
def translated(party: Party, api_key: str) -> Iterator[None]:
    """Raise what comes out of a vendor as ModelUnavailableError or ModelRejectedError."""
    try:
        yield
    except VENDOR_ERRORS as err:
        raise translate(err, party, api_key) from err


def translate(err: Exception, party: Party, api_key: str) -> ModelUnavailableError | ModelRejectedError:
    """Return our error for a vendor's."""
    said = _explanation(err)
    status = err.status_code if isinstance(err, ai.ModelHTTPError) else None
    code = _code(err, status, said)
    wait_s = (err.retry_after or 0.0) if isinstance(err, ai.ModelAPIError) else 0.0
    log.info("model_call_failed", provider=party.type, failure=code, status=status, error=type(err).__name__)
    if (loss := _loss(err)) is not None:
        return failures.lost(party, loss)
    is_midway = isinstance(err, ai.ModelAPIError) and err.in_stream
    words = said.replace(api_key, "***")
    return failures.failure(party, code, Refusal(words, status, is_midway, max(0.0, wait_s)))


def _loss(err: Exception) -> Loss | None:
    """Return how the answer got lost; None for what the vendor, or the SDK in its place, refused."""
    if isinstance(err, ai.ModelConnectionError) and err.phase == "connect":
        return Loss.UNREACHED
    if isinstance(err, TimeoutError | ai.ModelTimeoutError | ai.ModelRequestTimeout):
        return Loss.SILENT
    # Without a status and a body the words are pydantic-ai's own: the answer is not what the protocol promises.
    is_refused = isinstance(err, ai.ModelHTTPError) or (isinstance(err, ai.ModelAPIError) and err.body is not None)
    return None if is_refused or isinstance(err, ai.UserError) else Loss.CUT_OFF


def _code(err: Exception, status: int | None, said: str) -> str:
    for kind, code in _CODES:
        if isinstance(err, kind):
            return code
    if isinstance(err, ai.UserError):
        return failures.OTHER
    if status is None and not isinstance(err, ai.ModelRequestRejectedError):
        return failures.UNAVAILABLE
    return failures.code_by_words(said) or (failures.code_of(status) if status is not None else failures.OTHER)


def _explanation(err: Exception) -> str:
    """Return the words of the vendor's error body, however deep it hides them."""
    if isinstance(err, ai.ModelAPIError):
        return _words(err.body)
    return str(err) if isinstance(err, ai.UserError) else ""


def _words(body: Any) -> str:
    if isinstance(body, dict):
        return _words(body.get("error")) or _words(body.get("message"))
    return body if isinstance(body, str) else ""
