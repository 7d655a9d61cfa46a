"""What a failed turn says to its user."""

from runtime.core.errors import ModelRejectedError, ModelUnavailableError, ToolError
from runtime.core.failure import TOLD_IN_FULL, WORDS, code_of, explain, fields_of


def test_words_are_friendly_and_name_the_cause_where_that_helps() -> None:
    assert explain("provider_rate_limited", "secret detail") == WORDS["provider_rate_limited"]
    assert explain("unheard_of", "secret detail") == WORDS["processing_error"]
    for code in TOLD_IN_FULL:
        assert explain(code, "Set the key.").endswith(" Set the key.")


def test_an_error_has_the_code_and_the_fields_of_the_wire() -> None:
    busy = ModelUnavailableError(7.0, "busy", "provider_rate_limited", "acme")
    assert (code_of(busy), fields_of(busy)) == (
        "provider_rate_limited", {"provider": "acme", "retry_after": 7.0},
    )  # fmt: skip
    refused = ModelRejectedError("no", "request_too_large", "")
    assert (code_of(refused), fields_of(refused)) == ("request_too_large", None)
    assert (code_of(ToolError("x")), fields_of(ToolError("x"))) == ("processing_error", None)
