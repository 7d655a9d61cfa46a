from urllib.parse import quote

import pytest

from api.http.changes import MAX_CHARS, change_reason
from runtime.core.errors import InvalidInputError


def test_reason_is_decoded_and_trimmed() -> None:
    assert change_reason(quote("  weil's schöner ist\n\tja ", safe="")) == "weil's schöner ist\n\tja"


@pytest.mark.parametrize("header", [None, "", "%20"])
def test_no_reason_is_none(header: str | None) -> None:
    assert change_reason(header) is None


def test_longest_reason_is_taken() -> None:
    assert change_reason(quote("ü" * MAX_CHARS)) == "ü" * MAX_CHARS


@pytest.mark.parametrize(
    "header",
    [
        "a" * (MAX_CHARS + 1),
        "%00",
        "a%1Bb",
        "a%C2%85b",
        "%FF",
        "key%20sk-abcdefghijklmnopqrst",
        "evr_pat_0123456789abcdef",
    ],
)
def test_bad_reason_is_refused(header: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        change_reason(header)
    assert caught.value.stable_code == "invalid_change_reason"
