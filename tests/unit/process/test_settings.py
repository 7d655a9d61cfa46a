import os
import pickle
from pathlib import Path

import pytest

from runtime.core.errors import InvalidInputError
from runtime.process.addresses import is_loopback
from runtime.process.settings import Settings, describe, env_example

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {setting.name for setting in describe()}
    for name in list(os.environ):  # noqa: TID251  to clean it
        if name in names or name.startswith(("PERDURE_", "AUTH_")):
            monkeypatch.delenv(name)


def refusal(**overrides: object) -> str:
    with pytest.raises(InvalidInputError) as caught:
        Settings.load(**overrides)
    return caught.value.message


def test_nothing_needs_to_be_set() -> None:
    settings = Settings.load()
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 9000)
    assert settings.database_url is None


def test_environment_reaches_groups_and_bare_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_HTTP__PORT", "9100")
    monkeypatch.setenv("PERDURE_DATA_DIR", "/var/lib/perdure")
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    settings = Settings.load()
    assert settings.http.port == 9100
    assert settings.data_dir == Path("/var/lib/perdure")
    assert settings.ray_address == "head:6379"


def test_override_wins_over_environment_and_leaves_the_rest_of_its_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_HTTP__PORT", "9100")
    monkeypatch.setenv("PERDURE_HTTP__SSE_TOTAL", "7")
    http = Settings.load(http={"port": 9200}).http
    assert (http.port, http.sse_total) == (9200, 7)


def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_ACTORS__MAX_ACTORS", "")
    assert Settings.load().actors.max_actors is None


def test_the_token_of_clients_is_nothing_to_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_TOKEN", "evr_pat_1")
    assert "evr_pat_1" not in repr(Settings.load())


def test_misspelt_variable_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_HTTP__PROT", "9100")
    assert "PERDURE_HTTP__PROT" in refusal()


def test_value_out_of_range_is_refused_under_the_name_of_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_HTTP__PORT", "99999")
    assert refusal().startswith("PERDURE_HTTP__PORT: ")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"auth_mode": "nonsense"}, "AUTH_MODE"),
        ({"auth_mode": "admin"}, "AUTH_ADMIN_PASSWORD"),
        ({"auth_mode": "admin", "auth_admin_email": "ada@example.org"}, "AUTH_ADMIN_PASSWORD"),
        ({"auth_mode": "external"}, "AUTH_OIDC_ISSUER"),
        ({"auth_mode": "external", "auth_oidc_issuer": "https://id.example"}, "AUTH_OIDC_AUDIENCE"),
        ({"auth_admin_email": "nobody"}, "AUTH_ADMIN_EMAIL"),
        ({"auth_jwt_secret": "too short"}, "AUTH_JWT_SECRET"),
        ({"auth_oidc_issuer": "id.example"}, "AUTH_OIDC_ISSUER"),
        ({"auth_oidc_roles": "staff=emperor"}, "AUTH_OIDC_ROLES"),
        ({"auth_github_client_id": "x"}, "AUTH_GITHUB_CLIENT_SECRET"),
        ({"auth_google_client_id": "x", "auth_google_client_secret": "y"}, "AUTH_BASE_URL"),
    ],
)
def test_access_that_cannot_work_is_refused_by_the_name_of_what_is_missing(given: dict[str, str], named: str) -> None:
    assert named in refusal(**given)


def test_secrets_of_access_are_shown_nowhere() -> None:
    secrets = {"auth_mode": "admin", "auth_admin_email": "a@b.c", "auth_admin_password": "pa55word"}
    settings = Settings.load(**secrets, auth_jwt_secret="s3cret" * 8)
    assert "pa55word" not in f"{settings!r} {settings.model_dump_json()}"
    assert "s3cret" not in f"{settings!r} {settings.model_dump_json()}"
    assert "s3cret" not in refusal(auth_jwt_secret="s3cret")  # noqa: S106  of nobody real


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])  # noqa: S104  refused, never bound
def test_host_beyond_loopback_needs_people_to_log_in(host: str) -> None:
    assert "not loopback" in refusal(http={"host": host})
    assert Settings.load(http={"host": host}, auth_mode="full").http.host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
def test_loopback_host_is_recognised(host: str) -> None:
    assert is_loopback(host)


def test_lists_are_parted_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_HTTP__HOSTS", "API.example.com:8443, *.example.org,[::1]")
    monkeypatch.setenv("PERDURE_HTTP__PROXIES", "10.0.0.0/8,192.0.2.7")
    monkeypatch.setenv("PERDURE_HTTP__CORS_ORIGINS", "https://App.example.com:443,http://localhost:3000")
    http = Settings.load().http
    assert http.hosts == ("api.example.com", "*.example.org", "[::1]")
    assert [str(network) for network in http.proxies] == ["10.0.0.0/8", "192.0.2.7/32"]
    assert http.cors_origins == ("https://app.example.com", "http://localhost:3000")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOSTS", "*"),
        ("HOSTS", "https://api.example.com"),
        ("HOSTS", "good.example,a b"),
        ("HOSTS", "api.*.com"),
        ("PROXIES", "10.0.0.1/8"),
        ("PROXIES", "*"),
        ("PROXIES", "proxy.internal"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "null"),
        ("CORS_ORIGINS", "app.example.com"),
        ("CORS_ORIGINS", "https://*.example.com"),
        ("CORS_ORIGINS", "https://app.example.com/"),
        ("CORS_ORIGINS", "https://user@app.example.com"),
        ("CORS_ORIGINS", "https://app.example.com:99999"),
        ("CORS_ORIGINS", "https://[app"),
    ],
)
def test_what_is_no_address_is_refused_by_the_name_of_its_list(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"PERDURE_HTTP__{name}", value)
    assert refusal().startswith(f"PERDURE_HTTP__{name}: ")


@pytest.mark.parametrize("alone", ["tls_certificate", "tls_key"])
def test_certificate_and_key_go_together(alone: str) -> None:
    assert "both TLS_CERTIFICATE and TLS_KEY" in refusal(http={alone: "/etc/perdure/some.pem"})


def test_lease_shorter_than_two_pings_is_refused() -> None:
    assert "lease_s" in refusal(actors={"lease_s": 1.4, "heartbeat_interval_s": 0.5})


def test_password_of_the_database_is_shown_nowhere() -> None:
    settings = Settings.load(database_url="postgresql://ada:pa55word@db/perdure")
    assert settings.database_url is not None
    assert str(settings.database_url.get_secret_value()) == "postgresql://ada:pa55word@db/perdure"
    assert "pa55word" not in f"{settings!r} {settings} {settings.model_dump_json()}"
    assert "pa55word" not in refusal(database_url="mysql://ada:pa55word@db/perdure")


def test_settings_travel_without_any_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-ada")
    settings = Settings.load(
        secrets_encryption_key="k:of-ada", auth_jwt_secret="of-ada" * 10, database_url="postgresql://ada:of-ada@db/x"
    )
    sent = pickle.dumps(settings)
    assert b"of-ada" not in sent
    received = pickle.loads(sent)  # noqa: S301  our own bytes
    assert received.environment == {}
    assert (received.secrets_encryption_key, received.auth_jwt_secret, received.database_url) == (None, None, None)
    assert settings.environment["OPENAI_API_KEY"] == "key-of-ada"
    assert received.with_environment({"A": "b"}).environment == {"A": "b"}


def test_settings_of_older_and_newer_code_are_understood() -> None:
    settings = Settings.load(actors={"warm_standbys": 7}, log_level="error")
    for part, name in ((settings, "client_tool_timeout_s"), (settings.actors, "lease_s")):
        vars(part)["of_tomorrow"] = "unknown"
        del vars(part)[name]
    received = pickle.loads(pickle.dumps(settings))  # noqa: S301  our own bytes
    assert (received.actors.warm_standbys, received.log_level) == (7, "error")
    assert received.actors.lease_s == Settings.load().actors.lease_s
    assert received.client_tool_timeout_s == Settings.load().client_tool_timeout_s
    assert "unknown" not in repr(received)


def test_every_setting_is_described() -> None:
    assert [setting.name for setting in describe() if not setting.description] == []


def test_example_file_lists_the_settings_as_they_are() -> None:
    assert (ROOT / ".env.example").read_text() == env_example(), "run: make env-example"
