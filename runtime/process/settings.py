"""Settings: the only reader of the environment. Built once per process and passed down, to actors without secrets.

`PERDURE_<NAME>` or `PERDURE_<GROUP>__<NAME>` sets a value; the few that other programs know keep their bare
names. `python -m runtime.process.settings` writes `.env.example`.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

from pydantic import (
    Field,
    PostgresDsn,
    PrivateAttr,
    Secret,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from runtime.core.errors import InvalidInputError
from runtime.core.message import MAX_CALLS
from runtime.process.addresses import Hosts, Networks, Origins, is_loopback
from runtime.process.auth_settings import AuthMode, AuthSettings
from runtime.process.limit_settings import LimitSettings
from runtime.process.outbound_settings import OutboundSettings
from runtime.process.providers import ModelKeys, ProviderLimits
from runtime.process.setting_group import Carried, Group, Seconds

_PREFIX: Final = "PERDURE_"
_CLIENTS_TOKEN: Final = "PERDURE_TOKEN"  # noqa: S105  a name: commands that are clients of a server log in with it
_CARRIED: Final = re.compile(r"[A-Z0-9_]+_(API_KEY|BASE_URL|ENDPOINT|API_BASE)")


class HttpSettings(Group):
    """The front door."""

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on; loopback only while AUTH_MODE=none")
    port: int = Field(9000, ge=0, le=65_535, description="TCP port to listen on; 0 takes a free one")
    sse_heartbeat_s: Seconds = Field(30, description="Seconds between heartbeat comments on an event stream")
    sse_cycle_s: Seconds = Field(300, description="Seconds after which a stream asks its client to reconnect, ±20 %")
    sse_per_session: int = Field(12, ge=1, le=10_000, description="Event streams that one session may have at a time")
    sse_per_org: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Event streams that one organisation may have at a time; empty: 1,000, any while AUTH_MODE=none",
    )
    sse_total: int = Field(10_000, ge=1, le=1_000_000, description="Event streams that the server may have at a time")
    body_limit_bytes: int = Field(8_000_000, ge=1_000, le=1_000_000_000, description="Largest request body, in bytes")
    bodies_limit_bytes: int | None = Field(
        None,
        ge=4_000,
        le=1_000_000_000_000,
        description="Bytes of bodies held at a time, of which nobody holds more than is left; empty: 64 of the largest",
    )
    body_timeout_s: Seconds = Field(
        60,
        description="Seconds that a client may take to send a request's body, or its next part; a second more for each "
        "32 KB that came",
    )
    header_limit_bytes: int = Field(
        32_768, ge=1_024, le=10_000_000, description="Largest header of a request, with its address, in bytes"
    )
    header_timeout_s: Seconds = Field(30, description="Seconds that a client may take to send a request's header")
    connections: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Connections that may be open at a time; empty: 2,000 more than event streams",
    )
    connections_per_address: int = Field(
        2_000,
        ge=1,
        le=1_000_000,
        description="Connections of one address, or one /64 of IPv6; loopback and PERDURE_HTTP__PROXIES may have any",
    )
    hosts: Hosts = Field(
        (),
        description="Names by which clients call it, say api.example.com,*.example.org; beside loopback's, and "
        "addresses when it listens beyond that",
    )
    proxies: Networks = Field(
        (), description="Addresses and networks of proxies whose X-Forwarded-For, -Proto and -Host are believed"
    )
    cors_origins: Origins = Field(
        (), description="Origins of other sites whose pages may call it, say https://app.example.com; empty: none"
    )
    tls_certificate: Path | None = Field(
        None, description="PEM file of a certificate and its chain, read again when it changes; empty: plain HTTP"
    )
    tls_key: Path | None = Field(None, description="PEM file of the certificate's key, without a password")

    @model_validator(mode="after")
    def _certificate_goes_with_its_key(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            message = "TLS needs both TLS_CERTIFICATE and TLS_KEY, plain HTTP neither"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _largest_body_has_room(self) -> Self:
        if self.bodies_limit_bytes is not None and self.bodies_limit_bytes < 4 * self.body_limit_bytes:
            message = (
                "bodies_limit_bytes must be at least four times body_limit_bytes, or large bodies wait for each other"
            )
            raise ValueError(message)
        return self


class ActorSettings(Group):
    """Placement and supervision of session actors."""

    max_actors: int | None = Field(
        None, ge=1, le=100_000, description="Actors that share sessions; empty: from the cluster's memory"
    )
    warm_standbys: int = Field(2, ge=0, le=1_000, description="Actors kept ready for the next session")
    sessions_per_actor: int = Field(4096, ge=1, le=100_000, description="Live sessions that one actor may hold")
    drain_timeout_s: Seconds = Field(30, description="Seconds that an actor being drained leaves to running turns")
    idle_passivate_s: Seconds = Field(300, description="Seconds of rest after which a session leaves memory")
    lease_s: Seconds = Field(2.5, description="Seconds without a sign of life after which an actor loses its sessions")
    heartbeat_interval_s: Seconds = Field(
        0.5, description="Seconds between an actor's signs of life; a third of the lease at most"
    )
    restart_intensity: int = Field(3, ge=0, le=1_000, description="Restarts of one session within the window")
    restart_window_s: Seconds = Field(60, description="Seconds over which restarts of a session are counted")

    @model_validator(mode="after")
    def _lease_outlasts_heartbeats(self) -> Self:
        if self.lease_s < 3 * self.heartbeat_interval_s:
            message = (
                "lease_s must be at least three times heartbeat_interval_s, "
                "or one late heartbeat costs an actor its sessions"
            )
            raise ValueError(message)
        return self


class JournalSettings(Group):
    """The event log."""

    snapshot_every_events: int = Field(200, ge=1, le=1_000_000, description="Events after which a snapshot is written")
    queue_limit_bytes: int = Field(
        64 << 20, ge=1, description="Bytes of events that may wait for the disk before an actor refuses messages"
    )


class ModelSettings(Group):
    """Calls to language models."""

    default_model: str | None = Field(
        None,
        min_length=1,
        description="Model of agents that name none; empty: the first vendor with a key, else llmsim",
    )
    fallback_models: ModelKeys = Field(
        (),
        max_length=8,
        description="Models, <provider>:<name>, that take over one after the other where no layer names any",
    )
    attempts_before_fallback: int = Field(
        2, ge=1, le=100, description="Attempts at a model before the next of its chain takes over, if there is one"
    )
    limits: dict[str, ProviderLimits] = Field(
        {},
        description="Limits by type of provider, as JSON: "
        '{"openai": {"concurrent": 50, "requests_per_minute": 600, "tokens_per_minute": 200000}}',
    )
    breaker_failures: int = Field(
        10, ge=1, le=100_000, description="Failures in a row after which a process stops all calls to a provider"
    )
    breaker_open_s: Seconds = Field(30, description="Seconds for which calls to a provider that fails are stopped")
    first_byte_timeout_s: Seconds = Field(120, description="Seconds that a model may take to begin its answer")
    stall_timeout_s: Seconds = Field(60, description="Seconds that a model may pause within its answer")
    max_attempts: int = Field(5, ge=1, le=100, description="Attempts at one model call before the turn fails")
    retry_base_s: Seconds = Field(
        0.5, description="Seconds before the second attempt; doubles with each one, with jitter"
    )
    retry_cap_s: Seconds = Field(30, description="Longest wait between two attempts, in seconds")
    call_timeout_s: Seconds = Field(1800, description="Seconds that one model call may take in all, with every attempt")
    answer_limit_bytes: int = Field(
        4_000_000, ge=1_000, le=100_000_000, description="Largest answer of a model (text, thinking, calls), in bytes"
    )


class ToolSettings(Group):
    """Calls of the server's tools."""

    timeout_s: Seconds = Field(600, description="Seconds that a tool may run if it names no other limit")
    result_limit_bytes: int = Field(
        1_000_000, ge=1_000, le=100_000_000, description="Largest result of a tool, in bytes"
    )
    at_once: int = Field(16, ge=1, le=10_000, description="Tools of one session that may run at a time; the rest wait")
    calls_per_answer: int = Field(
        128, ge=1, le=MAX_CALLS, description="Tool calls that one answer of a model may ask for"
    )


class LogLevel(StrEnum):
    """The least serious entry that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Settings(Carried, AuthSettings, BaseSettings):
    """Every setting. Numbers carry their unit in the name."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    database_url: Secret[PostgresDsn] | None = Field(
        None,
        validation_alias="DATABASE_URL",
        description="PostgreSQL 15 or newer; empty: one of its own in the data dir",
    )
    ray_address: str | None = Field(
        None,
        validation_alias="RAY_ADDRESS",
        min_length=1,
        description="Ray cluster to join; empty: one on this machine",
    )
    ray_dashboard: bool = Field(
        default=True,
        description="Whether a Ray of the server's own has a dashboard, which costs memory and a longer start",
    )
    secrets_encryption_key: SecretStr | None = Field(
        None,
        validation_alias="SECRETS_ENCRYPTION_KEY",
        description="Key that seals secrets, <key_id>:<base64 of 32 bytes>; empty: one is made, in the data dir",
    )
    secrets_encryption_key_file: Path | None = Field(
        None,
        validation_alias="SECRETS_ENCRYPTION_KEY_FILE",
        description="File with that key, and on a second line the one before a rotation",
    )
    secrets_encryption_key_command: str | None = Field(
        None,
        validation_alias="SECRETS_ENCRYPTION_KEY_COMMAND",
        min_length=1,
        description="Command line that prints the same, say of a KMS; run once at the start, without a shell",
    )
    secrets_encryption_key_previous: SecretStr | None = Field(
        None,
        validation_alias="SECRETS_ENCRYPTION_KEY_PREVIOUS",
        description="The key before a rotation, in the same form; only opens secrets",
    )
    data_dir: Path = Field(Path(".perdure"), description="Folder of everything that a server keeps")
    delta_interval_ms: int = Field(
        50, ge=0, le=10_000, description="Milliseconds for which deltas gather before they go out"
    )
    client_tool_timeout_s: Seconds = Field(300, description="Seconds to wait for the results of client-side tools")
    decision_timeout_s: Seconds = Field(
        86_400, description="Seconds to wait for a person's decision about an interrupted tool call"
    )
    deletion_grace_days: int = Field(
        30, ge=0, le=3_650, description="Days after which a deleted session is forgotten, unless its organisation says"
    )
    log_level: LogLevel = Field(
        LogLevel.INFO, description="Least serious entry that is logged: debug, info, warning, error"
    )
    log_json: bool | None = Field(None, description="Log lines as JSON; empty: unless standard error is a terminal")
    fail_points: Path | None = Field(
        None, description="Folder of fail points, for tests that kill: see docs/crash-windows.md"
    )
    http: HttpSettings = HttpSettings()
    limits: LimitSettings = LimitSettings()
    actors: ActorSettings = ActorSettings()
    journal: JournalSettings = JournalSettings()
    model: ModelSettings = ModelSettings()
    tool: ToolSettings = ToolSettings()
    outbound: OutboundSettings = OutboundSettings()

    _environment: dict[str, str] = PrivateAttr(default_factory=lambda: _vendor_variables(os.environ))

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the environment; `overrides` (say, of the command line) win. Groups are given as dicts.

        Raises:
            InvalidInputError: a value is out of range, or a PERDURE_ variable is none of ours.
        """
        try:
            settings = cls(**overrides)
        except ValidationError as err:
            lines = (
                _explain(error["loc"], error["msg"]) for error in err.errors(include_input=False, include_url=False)
            )
            raise InvalidInputError("\n".join(lines), "invalid_settings") from None
        known = {_CLIENTS_TOKEN, *(setting.name for setting in describe())}
        if unknown := sorted(name for name in os.environ if name.startswith(_PREFIX) and name not in known):
            message = f"{', '.join(unknown)}: no such setting; .env.example lists them all."
            raise InvalidInputError(message, "invalid_settings")
        return settings

    @property
    def environment(self) -> Mapping[str, str]:
        """Vendors' keys and addresses (`…_API_KEY`, `…_BASE_URL` …) as they were where these settings were read."""
        return MappingProxyType(self._environment)

    def with_environment(self, environment: Mapping[str, str]) -> Self:
        """Return these settings with other keys and addresses of vendors."""
        changed = self.model_copy()
        changed._environment = dict(environment)  # noqa: SLF001  it is of this class
        return changed

    def __getstate__(self) -> dict[Any, Any]:
        """Leave secrets behind: where settings are pickled, whoever needs one is told it otherwise."""
        state = super().__getstate__()
        values = {
            name: None if isinstance(value, Secret | SecretStr) else value for name, value in state["__dict__"].items()
        }
        return {**state, "__dict__": values, "__pydantic_private__": {"_environment": {}}}

    def with_default_model(self, key: str) -> Self:
        """Return these settings with another default model."""
        return self.model_copy(update={"model": self.model.model_copy(update={"default_model": key})})

    @model_validator(mode="after")
    def _loopback_without_authentication(self) -> Self:
        if self.auth_mode is AuthMode.NONE and not is_loopback(self.http.host):
            message = (
                f"host {self.http.host!r} is not loopback, and with AUTH_MODE=none anybody who reaches it would be "
                "an administrator: set AUTH_MODE (docs/access.md), or serve on 127.0.0.1"
            )
            raise ValueError(message)
        return self


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as documents show it. `default` is empty where there is none."""

    name: str
    default: str
    description: str
    group: str


def describe() -> Iterator[Setting]:
    """Yield every setting, groups last, in the order of the classes above."""
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, Group):
            group = type(field.default)
            for inner_name, inner in group.model_fields.items():
                yield _setting(f"{_PREFIX}{name}__{inner_name}".upper(), inner, group.__doc__ or "")
        elif name not in AuthSettings.model_fields:
            bare = field.validation_alias
            yield _setting(bare if isinstance(bare, str) else f"{_PREFIX}{name}".upper(), field, "")
    for name, field in AuthSettings.model_fields.items():
        yield _setting(str(field.validation_alias or name), field, AuthSettings.__doc__ or "")


def env_example() -> str:
    """Return the text of `.env.example`: every setting with its default, commented out."""
    lines = ["# Every setting with its default. Copy to .env, change, and load it: set -a; . ./.env; set +a"]
    group = ""
    for setting in describe():
        if setting.group != group:
            group = setting.group
            lines += ["", f"# --- {group}"]
        lines += ["", f"# {setting.description}", f"#{setting.name}={setting.default}"]
    return "\n".join(lines) + "\n"


def _setting(name: str, field: FieldInfo, group: str) -> Setting:
    default = "" if field.default in (None, ()) else str(field.default)
    return Setting(name, default, field.description or "", group)


def _explain(location: tuple[int | str, ...], message: str) -> str:
    where = "__".join(part for part in location if isinstance(part, str)).upper()  # a list has no numbers outside
    bare = {setting.name for setting in describe()}
    name = where if where in bare or not where else _PREFIX + where
    return f"{name}: {message}" if name else message


def _vendor_variables(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if _CARRIED.fullmatch(name)}


if __name__ == "__main__":
    sys.stdout.write(env_example())
