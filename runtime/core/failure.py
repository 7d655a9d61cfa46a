"""What a failed turn says to its user, by code (docs/wire.md, "Why a turn failed")."""

from collections.abc import Mapping
from typing import Final

from runtime.core.errors import ModelRejectedError, ModelUnavailableError, PerdureError

QUARANTINED: Final = "session_quarantined"
CONFIGURATION: Final = "configuration_error"
ANSWER_TOO_LARGE: Final = "answer_too_large"
ANSWER_TOO_SLOW: Final = "answer_too_slow"
ANSWER_UNUSABLE: Final = "answer_unusable"
TOO_MANY_CALLS: Final = "too_many_tool_calls"

WORDS: Final[Mapping[str, str]] = {
    "provider_rate_limited": "The model provider is limiting requests right now. Please try again in a moment.",
    "provider_unavailable": "The model provider could not be reached. Please try again.",
    "provider_quota_exhausted": "The model provider's account is out of credit.",
    "provider_misconfigured": "The model provider is not configured.",
    "provider_attestation_required": "The model provider asks for the account to be confirmed.",
    "model_unavailable": "The chosen model is not available.",
    "request_too_large": "The conversation no longer fits into the model's context.",
    "invalid_tool_schema": "The model provider refused the schema of a tool.",
    ANSWER_TOO_LARGE: "The model's answer was longer than this server allows.",
    ANSWER_TOO_SLOW: "The model took longer to answer than this server allows.",
    ANSWER_UNUSABLE: "The model's answer could not be used.",
    TOO_MANY_CALLS: "The model asked for more tools at once than this server allows.",
    CONFIGURATION: "This agent cannot run as it is configured.",
    QUARANTINED: (
        "This session kept killing its process and was stopped. Its history is kept; a new message lets it go on."
    ),
    "processing_error": "Something went wrong while working on this.",
}

# Codes whose cause the user can mend: the words of the error say how, and hold nothing secret.
TOLD_IN_FULL: Final = (
    "provider_misconfigured",
    "model_unavailable",
    CONFIGURATION,
    ANSWER_TOO_LARGE,
    ANSWER_TOO_SLOW,
    ANSWER_UNUSABLE,
    TOO_MANY_CALLS,
)


def explain(code: str, detail: str) -> str:
    """Return the words for the user: friendly, and with the cause where knowing it helps."""
    words = WORDS.get(code, WORDS["processing_error"])
    return f"{words} {detail}".strip() if code in TOLD_IN_FULL else words


def code_of(error: PerdureError) -> str:
    """Return the code of an error that ends a turn."""
    if isinstance(error, ModelUnavailableError | ModelRejectedError):
        return error.failure
    return "processing_error"


def fields_of(error: PerdureError) -> dict[str, object] | None:
    """Return the `error_fields`: who failed, and when to try again."""
    if not isinstance(error, ModelUnavailableError | ModelRejectedError):
        return None
    fields: dict[str, object] = {"provider": error.provider} if error.provider else {}
    if isinstance(error, ModelUnavailableError) and error.retry_after_s:
        fields["retry_after"] = error.retry_after_s
    return fields or None
