"""Which texts look like a key. Each is put together here, so that this file holds none."""

import pytest

from supplychain.leaks import SHAPES, leaks

KEYS = {
    "private_key": ["-----BEGIN " + "PRIVATE KEY-----", "-----BEGIN " + "RSA PRIVATE KEY-----"],
    "sealing_key": ["SECRETS_ENCRYPTION_KEY='key-1:" + "A" * 43 + "='"],
    "perdure_token": ["evr_" + "pat_" + "0" * 32],
    "model_vendor_key": ["sk-" + "proj-" + "x" * 40, "sk-" + "ant-api03-" + "x" * 40, "AIza" + "x" * 35],
    "cloud_key": ["AKIA" + "Q" * 16],
    "forge_token": ["ghp_" + "x" * 36, "github_pat_" + "x" * 60],
    "registry_token": ["pypi-" + "AgE" + "x" * 60],
    "chat_or_payment_key": ["xoxb-" + "1" * 24, "sk_" + "live_" + "x" * 24],
    "json_web_token": [".".join(("eyJ" + "h" * 20, "eyJ" + "h" * 20, "s" * 43))],
}


@pytest.mark.parametrize(("kind", "key"), [(kind, key) for kind, keys in KEYS.items() for key in keys])
def test_a_key_is_found_by_its_shape_and_line(kind: str, key: str) -> None:
    assert [*leaks(f"first line\nkey = {key}\n\n".encode())] == [(2, kind)]


def test_every_shape_has_an_example() -> None:
    assert KEYS.keys() == SHAPES.keys()


@pytest.mark.parametrize(
    "text",
    [
        "OPENAI_API_KEY='sk-…'",
        "--hash=sha256:0133c3c3b54a0bf1e71fa5c1ad95c93f07fd54e24ef1fe182f5122e1573d2bf1",
        "task-list-of-things-that-were-done-before-the-server-came",
        "evr_pat_…",
        "-----BEGIN CERTIFICATE-----",
    ],
)
def test_what_is_no_key_is_let_through(text: str) -> None:
    assert [*leaks(text.encode())] == []


def test_bytes_that_are_no_text_are_looked_at_too() -> None:
    assert [*leaks(b"\xff\x00" + b" AKIA" + b"Q" * 16)] == [(1, "cloud_key")]
