"""What a failed turn says to its user."""

import pytest

from runtime.core.errors import ModelRejectedError, ModelUnavailableError, ToolError
from runtime.core.failure import WORDS, Disclosure, code_of, in_full, narrowed, telling, telling_of

BUSY = ModelUnavailableError(7.0, "Acme is busy (status 429).", "provider_rate_limited", "acme", 429, "slow down")


def test_words_are_friendly_and_say_what_to_mend() -> None:
    for code, words in WORDS.items():
        assert telling(code, "Set the key.", Disclosure.STANDARD).words == f"{words} Set the key."
    assert telling("unheard_of", "", Disclosure.STANDARD).words == WORDS["processing_error"]


def test_the_standard_way_tells_status_and_attempts_and_not_what_the_vendor_said() -> None:
    told = telling_of(BUSY, Disclosure.STANDARD, 5, 7.51)
    assert told.code == "provider_rate_limited"
    assert told.fields == {"provider": "acme", "status": 429, "attempts": 5, "retry_after": 7.0}
    assert told.words == (
        f"{WORDS['provider_rate_limited']} Acme is busy (status 429). "
        "It was tried 5 times, with 7.5 s of waiting in between."
    )


def test_the_detailed_way_has_the_vendors_words_too() -> None:
    told = telling_of(BUSY, Disclosure.DETAILED, 1, 0.0)
    assert told.fields == {"provider": "acme", "status": 429, "retry_after": 7.0, "detail": "slow down"}
    assert told.words.endswith("Acme is busy (status 429). It says: slow down")


def test_the_generic_way_tells_that_something_failed_and_no_more() -> None:
    told = telling_of(BUSY, Disclosure.GENERIC, 5, 7.5)
    assert (told.code, told.words, told.fields) == ("processing_error", WORDS["processing_error"], None)


def test_in_full_has_all_that_is_known() -> None:
    assert in_full(BUSY, 2, 1.0) == (
        "Acme is busy (status 429). It says: slow down It was tried 2 times, with 1.0 s of waiting in between."
    )


@pytest.mark.parametrize("disclosure", Disclosure)
@pytest.mark.parametrize("wish", [None, *Disclosure])
def test_a_message_may_narrow_what_is_told_and_never_widen_it(disclosure: Disclosure, wish: Disclosure | None) -> None:
    assert narrowed(disclosure, wish.word if wish is not None else None) <= disclosure
    if wish is not None:
        assert narrowed(disclosure, wish.word) <= wish


def test_an_error_has_the_code_and_the_fields_of_the_wire() -> None:
    refused = ModelRejectedError("no", "request_too_large", "")
    told = telling_of(refused, Disclosure.DETAILED, 1, 0.0)
    assert (told.code, told.fields) == ("request_too_large", None)
    other = telling_of(ToolError("x"), Disclosure.DETAILED, 1, 0.0)
    assert (code_of(ToolError("x")), other.fields) == ("processing_error", None)
