import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.process.redaction import SHORTEST, VALUES_MOST, Held, without_looks
from runtime.process.veil import HIDDEN

LONG = "abcdefghijklmnop1234"
VALUE = 'pä55 "word"\n/+x'


@pytest.mark.parametrize(
    "secret",
    [
        f"sk-{LONG}",
        f"sk-proj-{LONG}",
        f"AIza{LONG}{LONG}",
        f"xai-{LONG}",
        f"gsk_{LONG}",
        "AKIA" + "IOSFODNN7EXAMPLE",  # in two, for what looks for committed keys
        f"evr_pat_{LONG}",
        f"ghp_{LONG}",
        f"eyJhbGciOiJIUzI1NiJ9.{LONG}.{LONG}",
        f"Bearer {LONG}",
    ],
)
def test_what_looks_like_a_secret_is_hidden_wherever_it_stands(secret: str) -> None:
    assert without_looks(f"called with ({secret}), in vain") == f"called with ({HIDDEN}), in vain"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x-api-key: hunter2hunter2", "x-api-key: [redacted]"),
        ('{"X-Api-Key": "hunter2hunter2", "a": 1}', '{"X-Api-Key": "[redacted]", "a": 1}'),
        ("GET /a?token=hunter2&b=1", "GET /a?token=[redacted]&b=1"),
        ("GET /a?b=1&access_token=hunter2", "GET /a?b=1&access_token=[redacted]"),
        ("GET /a?key=hunter2#c", "GET /a?key=[redacted]#c"),
    ],
)
def test_what_a_name_says_is_secret_is_hidden(text: str, shown: str) -> None:
    assert without_looks(text) == shown


@pytest.mark.parametrize(
    "text", ["task-force", "sk-8", "the token is good", "eyJ.a.b", "GET /a?monkey=1", "max_tokens=4"]
)
def test_what_only_resembles_a_secret_stays(text: str) -> None:
    assert without_looks(text) == text


@pytest.mark.parametrize(
    "written",
    [
        VALUE,
        json.dumps({"a": VALUE}),
        json.dumps({"a": VALUE}, ensure_ascii=False),
        repr(VALUE),
        quote(VALUE, safe=""),
        base64.b64encode(VALUE.encode()).decode(),
    ],
)
def test_a_value_is_found_as_others_write_it(written: str) -> None:
    held = Held()
    held.hold("me", [VALUE])
    hidden = held.hide(f"<{written}>", "me")
    assert HIDDEN in hidden
    assert "55" not in hidden
    assert base64.b64encode(VALUE.encode()).decode()[:8] not in hidden


@given(st.text(min_size=SHORTEST), st.text(), st.text())
def test_what_is_held_is_never_shown(value: str, before: str, after: str) -> None:
    held = Held()
    held.hold("me", [value])
    if value not in HIDDEN and value not in before + HIDDEN + after:
        assert value not in held.hide(before + value + after, "me")


def test_each_hides_its_own() -> None:
    held = Held()
    held.hold("a", ["secret-of-a"])
    held.hold("b", ["secret-of-b"])
    text = "secret-of-a secret-of-b"
    assert held.hide(text, "a") == f"{HIDDEN} secret-of-b"
    assert held.hide_all(text) == f"{HIDDEN} {HIDDEN}"
    assert held.hide_in({"x": [text, (text, 1)]}, "b") == {"x": [f"secret-of-a {HIDDEN}", (f"secret-of-a {HIDDEN}", 1)]}
    held.drop("a")
    assert held.hide_all(text) == f"secret-of-a {HIDDEN}"


def test_what_is_held_has_bounds_and_nothing_short_is() -> None:
    held = Held()
    held.hold("a", ["x" * (SHORTEST - 1), *(f"value-{n:06}" for n in range(VALUES_MOST + 1))])
    assert held.hide("value-000000 value-000001 xxxxx", "a") == f"value-000000 {HIDDEN} xxxxx"
