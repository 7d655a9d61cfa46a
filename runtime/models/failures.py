"""Failed model calls in the wire's codes: what an HTTP status of any vendor means here.

The simulated model fails through the same table, so that what a test scripts is what a vendor does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from runtime.core.errors import ModelRejectedError, ModelUnavailableError
from runtime.models.vendors import Vendor

RATE_LIMITED: Final = "provider_rate_limited"
UNAVAILABLE: Final = "provider_unavailable"
QUOTA: Final = "provider_quota_exhausted"
MISCONFIGURED: Final = "provider_misconfigured"
ATTESTATION: Final = "provider_attestation_required"
NO_MODEL: Final = "model_unavailable"
TOO_LARGE: Final = "request_too_large"
TOOL_SCHEMA: Final = "invalid_tool_schema"
OTHER: Final = "processing_error"

_TRANSIENT: Final = frozenset({RATE_LIMITED, UNAVAILABLE})
_BY_STATUS: Final[Mapping[int, str]] = {
    401: MISCONFIGURED,
    402: QUOTA,
    403: MISCONFIGURED,
    404: NO_MODEL,
    408: UNAVAILABLE,
    409: UNAVAILABLE,
    413: TOO_LARGE,
    425: UNAVAILABLE,
    429: RATE_LIMITED,
}
_SENTENCES: Final[Mapping[str, str]] = {
    RATE_LIMITED: "{who} is limiting the rate of requests.",
    UNAVAILABLE: "{who} is not answering properly.",
    QUOTA: "The account at {who} has no credit left.",
    MISCONFIGURED: "{who} refused the API key: check {setting}.",
    ATTESTATION: "{who} wants the account to be verified before it does this.",
    NO_MODEL: "{who} has no such model, or not for this key.",
    TOO_LARGE: "The conversation is too large for this model of {who}.",
    TOOL_SCHEMA: "{who} refused the schema of a tool.",
    OTHER: "{who} refused the request.",
}


@dataclass(frozen=True, slots=True)
class Party:
    """Who was called: its type, its name for people, and what to do about its key, after "check" or "set"."""

    type: str
    name: str
    setting: str


def party(vendor: Vendor) -> Party:
    """Return a vendor's name for error messages."""
    setting = "its API key here" if vendor.account else f"{vendor.keys[0]} and start again"
    return Party(vendor.type, vendor.name, setting)


def code_of(status: int) -> str:
    """Return the code for an HTTP status of 400 or above."""
    if status >= 500:  # noqa: PLR2004 - the class of server errors
        return UNAVAILABLE
    return _BY_STATUS.get(status, OTHER)


def failure(
    party: Party,
    code: str,
    *,
    because: str = "",
    status: int | None = None,
    retry_after_s: float = 0.0,
) -> ModelUnavailableError | ModelRejectedError:
    """Return the error to raise for a code. `because` is the vendor's own explanation, without secrets."""
    sentence = _SENTENCES[code].format(who=party.name, setting=party.setting)
    message = f"{sentence} It says: {because}" if because else sentence
    if code in _TRANSIENT:
        return ModelUnavailableError(
            retry_after_s=retry_after_s, message=message, failure=code, provider=party.type, status=status
        )
    return ModelRejectedError(message=message, failure=code, provider=party.type, status=status)


def no_key(party: Party) -> ModelRejectedError:
    """Return the error for a vendor that nobody configured."""
    message = f"{party.name} has no API key: set {party.setting}."
    return ModelRejectedError(message=message, failure=MISCONFIGURED, provider=party.type)
