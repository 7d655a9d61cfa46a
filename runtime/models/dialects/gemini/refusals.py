"""What Google says of an error beside its words: how long to wait, which quota is used up, what was wrong.

It is brought into the form in which every vendor's errors are understood (`refusals.py`).
"""

import re
from typing import Final

import msgspec

from runtime.models.dialects.dialect import RefusedError

_UNAUTHENTICATED: Final = 401
_SECONDS: Final = re.compile(r"\d+(\.\d+)?s")
# By Google's status and the words, the first that fits; what the others write as the type of such an error.
_TYPES: Final[tuple[tuple[str, re.Pattern[str], str], ...]] = (
    ("FAILED_PRECONDITION", re.compile("billing", re.I), "billing_error"),
    ("INVALID_ARGUMENT", re.compile("input token count|number of tokens allowed", re.I), "context_length_exceeded"),
)


class _Violation(msgspec.Struct, rename="camel"):
    quota_id: str = ""


class _Detail(msgspec.Struct, rename="camel"):
    """A google.rpc.RetryInfo, QuotaFailure or ErrorInfo, by what it has."""

    retry_delay: str = ""
    violations: list[_Violation] = []
    reason: str = ""


class _Error(msgspec.Struct):
    message: str = ""
    status: str = ""
    details: list[_Detail] = []


class _Body(msgspec.Struct):
    error: _Error


_bodies: Final = msgspec.json.Decoder(_Body | list[_Body])


def explained(err: RefusedError) -> RefusedError:
    """Return an error with all that Google's says; one that has another form goes back as it is."""
    try:
        body = _bodies.decode(err.body)
        error = (body[0] if isinstance(body, list) else body).error
    except (msgspec.MsgspecError, IndexError):
        return err
    status = err.status
    if any(detail.reason == "API_KEY_INVALID" for detail in error.details):
        status = _UNAUTHENTICATED  # as everybody else says; Google says 400
    said = {"message": error.message, "status": error.status, "type": _type(error)}
    retry_after_s = err.retry_after_s or _retry_after_s(error)
    return RefusedError(status, msgspec.json.encode({"error": said}), retry_after_s, is_midway=err.is_midway)


def _type(error: _Error) -> str | None:
    if error.status == "RESOURCE_EXHAUSTED" and any(map(_is_of_a_day, error.details)):
        return "insufficient_quota"
    fitting = (kind for status, words, kind in _TYPES if status == error.status and words.search(error.message))
    return next(fitting, None)


def _is_of_a_day(detail: _Detail) -> bool:
    """Tell whether a quota is used up that starts anew at midnight: waiting does not help."""
    return any("PerDay" in violation.quota_id for violation in detail.violations)


def _retry_after_s(error: _Error) -> float:
    waits = (detail.retry_delay for detail in error.details if _SECONDS.fullmatch(detail.retry_delay))
    return next((float(wait.removesuffix("s")) for wait in waits), 0.0)
