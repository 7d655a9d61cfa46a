"""What an error in the middle of an answer means, where OpenAI's protocols are spoken.

It has no HTTP status, but a code or a type that has one when the answer has not begun yet:
https://developers.openai.com/api/docs/guides/error-codes.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from runtime.models.dialects.dialect import RefusedError

_NO_CREDIT: Final = (
    "insufficient_quota",
    "billing_hard_limit_reached",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
)
_STATUSES: Final[Mapping[str, int]] = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "too_many_requests": 429,
    "context_length_exceeded": 400,
    "invalid_api_key": 401,
    **dict.fromkeys(_NO_CREDIT, 402),  # 429 before an answer, but waiting does not help
    "model_not_found": 404,
    "server_error": 500,
    "service_unavailable": 503,
    "service_unavailable_error": 503,
    "server_is_overloaded": 503,
    "overloaded": 503,
}


def refused_midway(error: Any) -> RefusedError:
    """Return the refusal that an error object in a stream is."""
    told = error if isinstance(error, dict) else {}
    code, kind = (str(told.get(key)) for key in ("code", "type"))
    status = _STATUSES.get(code) or _STATUSES.get(kind)
    if status is None and code.isdecimal() and 400 <= int(code) < 600:  # noqa: PLR2004  HTTP's own errors
        status = int(code)
    return RefusedError(status, msgspec.json.encode(error), is_midway=True)
