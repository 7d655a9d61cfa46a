import pytest

from runtime.process.scrubbing import secret_names


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_API_KEY", "x"),
        ("SECRETS_ENCRYPTION_KEY", "x"),
        ("SECRETS_ENCRYPTION_KEY_COMMAND", "x"),
        ("AUTH_JWT_SECRET", "x"),
        ("AUTH_ADMIN_PASSWORD", "x"),
        ("DATABASE_URL", "x"),
        ("GITHUB_TOKEN", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "x"),
        ("PGPASSWORD", "x"),
        ("PGPASSFILE", "x"),
        ("SOME_SERVICE", "https://ada:pa55word@example.com"),
    ],
)
def test_what_tools_are_not_to_see_is_found(name: str, value: str) -> None:
    assert secret_names({name: value}) == [name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATH", "/bin"),
        ("HOME", "/root"),
        ("MONKEY", "see"),
        ("KEYBOARD", "x"),
        ("RAY_AUTH_TOKEN_PATH", "/x"),
        ("HTTPS_PROXY", "http://ada:pa55word@proxy"),
        ("OPENAI_BASE_URL", "https://example.com"),
        ("PERDURE_TOOL__TIMEOUT_S", "3"),
    ],
)
def test_the_rest_stays(name: str, value: str) -> None:
    assert secret_names({name: value}) == []
