"""What is found out before anything is started: each mistake is one line that says what to do."""

import asyncio
import os
import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from actors.cluster import require_answer
from api import server
from api.preflight import clear, require_reach
from api.terminal.cli import app
from runtime.core.errors import InvalidInputError, StoreUnavailableError
from runtime.models.catalogue import Catalogue
from runtime.process.mint import now
from runtime.process.settings import ActorSettings, Settings

KEY = "key-1:" + "A" * 43 + "="


def cleared(data_dir: Path, environment: dict[str, str] | None = None, **settings: Any) -> str:
    """Return the default model of a server that may start."""
    loaded = Settings.load(data_dir=data_dir, **settings)
    model = clear(loaded, Catalogue(loaded.model, environment or {}, now())).default_model
    return f"{model.provider}:{model.name}"


def refusal(data_dir: Path, **settings: Any) -> str:
    with pytest.raises(InvalidInputError) as caught:
        cleared(data_dir, **settings)
    assert "\n" not in caught.value.message
    return caught.value.message


def test_data_dir_is_made_for_its_owner_only(data_dir: Path) -> None:
    assert cleared(data_dir / "deep", secrets_encryption_key=KEY) == "llmsim:sim-echo"
    assert (data_dir / "deep").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_data_dir_that_is_a_file_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    message = refusal(tmp_path / place)
    assert message.startswith(f"{tmp_path / place} cannot be the data dir: ")
    assert message.endswith("Choose another folder with --data-dir or PERDURE_DATA_DIR.")


def test_data_dir_of_somebody_else_is_refused() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o555)  # noqa: S103  for nobody to write into
        me = os.geteuid()
        os.seteuid(me or 65534)  # root may write everywhere
        try:
            assert "this user may not write there" in refusal(Path(folder))
        finally:
            os.seteuid(me)


def test_certificate_that_is_not_there_is_refused(data_dir: Path, tmp_path: Path) -> None:
    missing = tmp_path / "cert.pem"
    message = refusal(data_dir, http={"tls_certificate": missing, "tls_key": missing})
    assert message == f"PERDURE_HTTP__TLS_CERTIFICATE: {missing} cannot be read: No such file or directory."


@pytest.mark.parametrize("name", ["secrets_encryption_key", "secrets_encryption_key_previous"])
def test_malformed_key_is_refused_with_the_way_to_a_right_one(data_dir: Path, name: str) -> None:
    message = refusal(data_dir, **{name: "foo"})
    assert message.startswith(f"{name.upper()} must be <key_id>:<base64 of 32 bytes>")
    assert 'echo "key-1:$(openssl rand -base64 32)"' in message


def test_default_model_needs_the_key_of_its_vendor(data_dir: Path) -> None:
    model = {"default_model": "openai:gpt-5"}
    message = refusal(data_dir, model=model)
    assert "PERDURE_MODEL__DEFAULT_MODEL cannot be used" in message
    assert "OpenAI has no API key: set OPENAI_API_KEY and start again." in message
    assert cleared(data_dir, {"OPENAI_API_KEY": "k"}, model=model) == "openai:gpt-5"


def test_default_model_that_nobody_has_is_refused_by_the_name_of_its_setting(data_dir: Path) -> None:
    message = refusal(data_dir, model={"default_model": "gtp-5"})
    assert message == "PERDURE_MODEL__DEFAULT_MODEL cannot be used, so every turn would fail. No model 'gtp-5'."


async def test_ray_that_takes_connections_and_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "JOIN_PATIENCE_S", 0.01)
    with pytest.raises(InvalidInputError, match="RAY_ADDRESS=head:6379 did not answer as Ray"):
        await server._joined(asyncio.Future(), "head:6379")


@pytest.mark.parametrize("address", ["127.0.0.1:{}", "[::1]:{}", "localhost:{}"])
def test_ray_is_asked_for_at_its_port(address: str) -> None:
    with socket.socket() as mute:  # which keeps the port and does not listen
        mute.bind(("127.0.0.1", 0))
        with pytest.raises(InvalidInputError, match="No Ray answers at"):
            require_answer(address.format(mute.getsockname()[1]))


@pytest.mark.parametrize("address", ["auto", "ray://head:10001"])
def test_addresses_of_another_form_are_left_to_ray(address: str) -> None:
    require_answer(address)


def test_administrator_with_a_weak_password_is_refused(data_dir: Path) -> None:
    settings = {"auth_mode": "admin", "auth_admin_email": "ada@example.org"}
    message = refusal(data_dir, **settings, auth_admin_password="short")  # noqa: S106  of nobody real
    assert message == "AUTH_ADMIN_PASSWORD cannot be used. A password needs at least 8 characters."


@pytest.mark.parametrize("key", ["gpt-5", "nobody:gpt-5", "openai:"])
def test_fallback_model_that_nobody_knows_is_refused(data_dir: Path, key: str) -> None:
    message = refusal(data_dir, model={"fallback_models": ["openai:gpt-5", key]})
    assert message == f"PERDURE_MODEL__FALLBACK_MODELS names {key}, which is no model: write <provider>:<name>."


def test_limit_of_a_provider_that_nobody_knows_is_refused(data_dir: Path) -> None:
    limits = {"openai": {"concurrent": 2}, "opanai": {"concurrent": 2}}
    message = refusal(data_dir, model={"limits": limits})
    assert message.startswith("PERDURE_MODEL__LIMITS names opanai, which is no provider. There are openai, ")


async def test_database_that_lets_nobody_in_is_not_waited_for_at_a_start(database: str) -> None:
    with pytest.raises(StoreUnavailableError, match="InvalidCatalogName, SQLSTATE 3D000"):
        await server._schema(f"{database}_gone", pytest.fail)


def test_postgres_of_its_own_beside_a_ray_of_many_nodes_is_refused() -> None:
    joined = Settings.load(ray_address="head:6379")
    require_reach(joined, 1)
    require_reach(Settings.load(ray_address="head:6379", database_url="postgresql://ada@db/x"), 3)
    with pytest.raises(InvalidInputError, match=r"RAY_ADDRESS=head:6379 has 3 nodes, .* set DATABASE_URL"):
        require_reach(joined, 3)


def test_postgres_of_its_own_has_connections_for_all_actors() -> None:
    assert server._connections(ActorSettings(max_actors=100)) >= 3 * 100 + 50
    assert server._connections(ActorSettings(max_actors=100_000)) <= 262_143  # what Postgres takes
    assert server._connections(ActorSettings()) >= 200


def test_a_migration_of_no_database_has_failed() -> None:
    done = CliRunner().invoke(app, ["migrate"], env={"DATABASE_URL": ""})
    assert done.exit_code == 2
    assert "DATABASE_URL is not set" in done.stderr
