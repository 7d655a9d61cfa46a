"""Failed model calls in the wire's codes and in words: what an HTTP status of any vendor means here.

All ways to a vendor, and the simulated model, say what went wrong through this file alone: whoever finds the same
wrong says the same.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import urlsplit

from runtime.core.errors import ModelRejectedError, ModelUnavailableError
from runtime.core.failure import ANSWER_TOO_LARGE, ANSWER_UNUSABLE, CREDENTIALS_REFUSED
from runtime.models.vendors import Vendor

RATE_LIMITED: Final = "provider_rate_limited"
UNAVAILABLE: Final = "provider_unavailable"
QUOTA: Final = "provider_quota_exhausted"
MISCONFIGURED: Final = CREDENTIALS_REFUSED
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
    424: UNAVAILABLE,  # what stands behind it failed
    425: UNAVAILABLE,
    429: RATE_LIMITED,
}
# By the words of an error, its type and its code; the first that fits.
_BY_WORDS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"insufficient_quota|credit balance is too low|billing_error", re.I), QUOTA),
    (re.compile(r"organization must be verified|verify (your )?organization", re.I), ATTESTATION),
    (
        re.compile(r"invalid schema for function|tools?[.\[]+\d.*(schema|parameters)|function_declarations", re.I),
        TOOL_SCHEMA,
    ),
    (
        re.compile(r"prompt is too long|maximum context length|context window|context_length_exceeded", re.I),
        TOO_LARGE,
    ),
)
_SENTENCES: Final[Mapping[str, str]] = {
    RATE_LIMITED: "{who} is limiting the rate of requests{how}.",
    UNAVAILABLE: "{who} was reached at {address} and failed{how}.",
    QUOTA: "The account at {who} has no credit left{how}.",
    MISCONFIGURED: "{who} refused the API key{how}: check {setting}.",
    ATTESTATION: "{who} wants the account to be verified before it does this{how}.",
    NO_MODEL: "{who} has no such model, or not for this key{how}.",
    TOO_LARGE: "The conversation is too large for this model of {who}{how}.",
    TOOL_SCHEMA: "{who} refused the schema of a tool{how}.",
    OTHER: "{who} refused the request{how}.",
}
_LONGEST: Final = 300  # characters of a vendor's explanation
_READ: Final = 2_000  # characters of it that its meaning is read from: whoever serves a model says as much as he likes


class Loss(Enum):
    """How an answer got lost, and what to look at then."""

    UNREACHED = "{who} could not be reached at {address}: check {address_setting} and the network."
    SILENT = (
        "{who} fell silent at {address}. How long it may is set by PERDURE_MODEL__FIRST_BYTE_TIMEOUT_S and "
        "PERDURE_MODEL__STALL_TIMEOUT_S."
    )
    CUT_OFF = "{who} was reached at {address}, but its answer broke off or cannot be read."


@dataclass(frozen=True, slots=True)
class Party:
    """Who was called: its type, its name for people; what to do about its key, after "check" or "set"; where it is.

    `address_setting` is what sets that, and `account` the id of a provider of people's own.
    """

    type: str
    name: str
    setting: str
    address: str = "its address"
    address_setting: str = "its address"
    account: str | None = None

    @property
    def endpoint(self) -> str:
        """What breakers know it by: a provider of people's own by its id, a vendor of the server's by its type."""
        return self.account or self.type


def party(vendor: Vendor, address: str) -> Party:
    """Return a vendor, or a provider of people's own (`account`), as error messages name it."""
    where = _bare(address)
    if vendor.account:
        return Party(vendor.type, vendor.name, "its API key here", where, "its base URL here", vendor.account)
    setting = f"{vendor.keys[0]} and start again"
    return Party(vendor.type, vendor.name, setting, where, vendor.base_url_keys[0])


def _bare(url: str) -> str:
    """Return an address without what may be secret in it: a password, a query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def code_of(status: int) -> str:
    """Return the code for an HTTP status of 400 or above."""
    if status >= 500:  # noqa: PLR2004 - the class of server errors
        return UNAVAILABLE
    return _BY_STATUS.get(status, OTHER)


def code_by_words(said: str, marks: str = "") -> str | None:
    """Return the code that an error's words mean, or its type and code (`marks`); None if they say nothing to us."""
    words = f"{said[:_READ]} {marks[:_READ]}"
    return next((code for pattern, code in _BY_WORDS if pattern.search(words)), None)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as the vendor gave it: its words without the API key, its status, which in mid-answer is inferred."""

    said: str = ""
    status: int | None = None
    is_midway: bool = False
    retry_after_s: float = 0.0


def failure(party: Party, code: str, refusal: Refusal) -> ModelUnavailableError | ModelRejectedError:
    """Return the error to raise for a refusal that means this code."""
    # What vendors say of a key shows a part of it.
    said = "" if code == MISCONFIGURED else refusal.said[:_LONGEST]
    return _error(party, code, _SENTENCES[code].format(**_named(party), how=_how(refusal)), refusal, said)


def lost(party: Party, loss: Loss) -> ModelUnavailableError | ModelRejectedError:
    """Return the error to raise for an answer that did not come, or not to its end."""
    return _error(party, UNAVAILABLE, loss.value.format(**_named(party)), Refusal(), "")


def held_back(party: Party, wait_s: float | None) -> ModelUnavailableError:
    """Return the error to raise instead of a call to an endpoint that is left alone, for so long or for good."""
    when = "until an operator closes its circuit breaker" if wait_s is None else f"for {max(wait_s, 1):.0f} s more"
    message = (
        f"{party.name} is not called {when}: calls to {party.address} kept failing, or somebody stopped them "
        f"(POST /api/v1/durable/circuit-breakers/{party.endpoint}/close lets them go on)."
    )
    return ModelUnavailableError(
        retry_after_s=wait_s or 0.0, message=message, failure=UNAVAILABLE, provider=party.type, is_held_back=True
    )


def unusable(party: Party, why: str, *, is_full: bool) -> ModelUnavailableError | ModelRejectedError:
    """Return the error to raise for an answer that came to its end and is of no use.

    Again the model may do better, but for one that is as long as its answers may be (`is_full`).
    """
    if not is_full:
        return ModelUnavailableError(retry_after_s=0.0, message=why, failure=ANSWER_UNUSABLE, provider=party.type)
    message = f"{why} It had become as long as this model's answers may be: ask for less at once, or another model."
    return ModelRejectedError(message, ANSWER_UNUSABLE, party.type)


def endless(provider: str, limit_bytes: int) -> ModelRejectedError:
    """Return the error to raise for an answer that has long been larger than it may be, whatever it carries."""
    message = f"Its stream did not end; an answer may have {limit_bytes} bytes (PERDURE_MODEL__ANSWER_LIMIT_BYTES)."
    return ModelRejectedError(message, ANSWER_TOO_LARGE, provider)


def misled(party: Party, why: str) -> ModelRejectedError:
    """Return the error to raise for an address that may not be called."""
    message = f"{party.name} cannot be called: {why}"
    return ModelRejectedError(message=message, failure=MISCONFIGURED, provider=party.type)


def no_key(party: Party) -> ModelRejectedError:
    """Return the error for a vendor that nobody configured."""
    message = f"{party.name} has no API key: set {party.setting}."
    return ModelRejectedError(message=message, failure=MISCONFIGURED, provider=party.type)


def _named(party: Party) -> Mapping[str, str]:
    return {
        "who": party.name,
        "setting": party.setting,
        "address": party.address,
        "address_setting": party.address_setting,
    }


def _how(refusal: Refusal) -> str:
    if refusal.is_midway:
        return " in the middle of its answer"
    return f" (status {refusal.status})" if refusal.status else ""


def _error(
    party: Party, code: str, message: str, refusal: Refusal, said: str
) -> ModelUnavailableError | ModelRejectedError:
    if code in _TRANSIENT:
        return ModelUnavailableError(
            retry_after_s=refusal.retry_after_s,
            message=message,
            failure=code,
            provider=party.type,
            status=refusal.status,
            said=said,
        )
    return ModelRejectedError(message=message, failure=code, provider=party.type, status=refusal.status, said=said)
