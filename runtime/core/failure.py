"""What a failed turn says to its user, by code (docs/wire.md, "Why a turn failed")."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from runtime.core.errors import ModelRejectedError, ModelUnavailableError, PerdureError

QUARANTINED: Final = "session_quarantined"
CREDENTIALS_REFUSED: Final = "provider_misconfigured"
CONFIGURATION: Final = "configuration_error"
ANSWER_TOO_LARGE: Final = "answer_too_large"
ANSWER_TOO_SLOW: Final = "answer_too_slow"
ANSWER_UNUSABLE: Final = "answer_unusable"
TOO_MANY_CALLS: Final = "too_many_tool_calls"
PROCESSING: Final = "processing_error"

WORDS: Final[Mapping[str, str]] = {
    "provider_rate_limited": "The model provider is limiting requests right now. Please try again in a moment.",
    "provider_unavailable": "The model provider is not answering properly. Please try again.",
    "provider_quota_exhausted": "The model provider's account is out of credit.",
    CREDENTIALS_REFUSED: "The model provider is not configured.",
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
    PROCESSING: "Something went wrong while working on this.",
}


class Disclosure(IntEnum):
    """How much of a failure is told to whoever reads the session; journal and logs have all of it.

    `GENERIC` tells that there was one, `STANDARD` which one and what to mend, `DETAILED` the vendor's own words too.
    """

    GENERIC = 0
    STANDARD = 1
    DETAILED = 2

    @property
    def word(self) -> str:
        """Its name on the wire."""
        return self.name.lower()


def narrowed(disclosure: Disclosure, wish: str | None) -> Disclosure:
    """Return what is left of a disclosure when a message wishes for another one: it may narrow it, never widen."""
    return disclosure if wish is None else min(disclosure, Disclosure[wish.upper()])


@dataclass(frozen=True, slots=True)
class Telling:
    """A failure as it is told: `error_code`, `error_fields` and words."""

    code: str
    words: str
    fields: dict[str, Any] | None
    disclosure: Disclosure


def telling(code: str, detail: str, disclosure: Disclosure) -> Telling:
    """Return how a failure is told whose `detail` says what to mend and holds no secret."""
    if disclosure is Disclosure.GENERIC:
        return Telling(PROCESSING, WORDS[PROCESSING], None, disclosure)
    words = WORDS.get(code, WORDS[PROCESSING])
    return Telling(code, f"{words} {detail}".strip(), None, disclosure)


def telling_of(error: PerdureError, disclosure: Disclosure, attempts: int, waited_s: float) -> Telling:
    """Return how the failure of a model call is told, after so many attempts and so long a wait between them."""
    code = code_of(error)
    told = telling(code, in_full(error, attempts, waited_s, disclosure), disclosure)
    if told.disclosure is Disclosure.GENERIC:
        return told
    return Telling(code, told.words, fields_of(error, attempts, disclosure), disclosure)


def in_full(
    error: PerdureError, attempts: int = 1, waited_s: float = 0.0, disclosure: Disclosure = Disclosure.DETAILED
) -> str:
    """Return what is known of a failure: what happened, what the vendor says of it if that may be told, how often."""
    words = [str(error)]
    said = _said(error)
    if said and disclosure is Disclosure.DETAILED:
        words.append(f"It says: {said}")
    if attempts > 1:
        words.append(f"It was tried {attempts} times, with {waited_s:.1f} s of waiting in between.")
    return " ".join(words)


def code_of(error: PerdureError) -> str:
    """Return the code of an error that ends a turn."""
    if isinstance(error, ModelUnavailableError | ModelRejectedError):
        return error.failure
    return PROCESSING


def fields_of(error: PerdureError, attempts: int, disclosure: Disclosure) -> dict[str, Any] | None:
    """Return the `error_fields`: who failed, how, after how many attempts, and when to try again."""
    if not isinstance(error, ModelUnavailableError | ModelRejectedError):
        return None
    retry_after_s = error.retry_after_s if isinstance(error, ModelUnavailableError) else 0.0
    fields: dict[str, Any] = {
        "provider": error.provider,
        "status": error.status,
        "attempts": attempts if attempts > 1 else None,
        "retry_after": retry_after_s,
        "detail": error.said if disclosure is Disclosure.DETAILED else None,
    }
    return {name: value for name, value in fields.items() if value} or None


def _said(error: PerdureError) -> str:
    return error.said if isinstance(error, ModelUnavailableError | ModelRejectedError) else ""
