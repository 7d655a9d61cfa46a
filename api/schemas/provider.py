"""Providers and their models on the wire. Keys go in and never out."""

from dataclasses import asdict
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from api.schemas.fields import Body, DisplayName, Reply
from runtime.agents.providing import Trial
from runtime.ports.providers import Driver, KeptModel, Provider
from runtime.ports.turnstile import UNLIMITED, CallLimits

ProviderName = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
ProviderType = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Address = Annotated[str, StringConstraints(min_length=1, max_length=2_048)]
Key = Annotated[str, StringConstraints(max_length=16_384)]
VendorsName = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Ability = Annotated[str, StringConstraints(min_length=1, max_length=64)]
_SAME: Final = (
    "id", "name", "status", "api_key_set", "base_url", "last_synced_at", "trace", "created_at", "updated_at",
)  # fmt: skip
Abilities = Annotated[list[Ability], Field(max_length=32)]


class Limits(Body):
    """What a provider is asked at most, by all processes together; what is left out is not limited."""

    concurrent: Annotated[int, Field(ge=1, le=1_000_000, description="Calls under way at a time")] | None = None
    requests_per_minute: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    tokens_per_minute: Annotated[int, Field(ge=1, le=1_000_000_000_000, description="In and out")] | None = None

    @classmethod
    def of(cls, limits: CallLimits) -> "Limits":
        """Return limits as the wire shows them."""
        return cls(**asdict(limits))

    @property
    def numbers(self) -> CallLimits:
        """The limits."""
        return CallLimits(self.concurrent, self.requests_per_minute, self.tokens_per_minute)


class Credentials(Body):
    """What lets one in, given in the words of the type's form (`GET /v1/providers/config`)."""

    api_key: Key | None = None
    credentials: dict[str, Key] | None = None

    @property
    def given(self) -> dict[str, str]:
        """What is given, by the names in the form."""
        given = {} if self.api_key is None else {"api_key": self.api_key}
        return {name: value for name, value in (given | (self.credentials or {})).items() if name != "base_url"}


class ProviderBody(Credentials):
    """A provider to be made, or tried before it is."""

    name: ProviderName
    provider_type: ProviderType
    base_url: Address | None = None
    trace: bool | None = None
    limits: Limits | None = None

    @property
    def draft(self) -> Provider:
        """The provider, without an id."""
        address = self.base_url or (self.credentials or {}).get("base_url") or None
        limits = UNLIMITED if self.limits is None else self.limits.numbers
        return Provider(
            id="", name=self.name, type=self.provider_type, base_url=address, trace=self.trace, limits=limits
        )


class DraftBody(ProviderBody):
    """A provider that is tried and not made, and so needs no name."""

    name: ProviderName = "This provider"


class ProviderPatch(Credentials):
    """Any part of a provider; of the server's own, the status."""

    name: ProviderName | None = None
    base_url: Address | None = None
    status: Literal["active", "disabled"] | None = None
    trace: bool | None = None
    limits: Limits | None = Field(None, description="All of them: what is left out is not limited any more")

    @property
    def changes(self) -> dict[str, Any]:
        """What is given, by the names of a provider's fields."""
        names = ("name", "base_url", "status", "trace")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        return given if self.limits is None else {**given, "limits": self.limits.numbers}


class ProviderReply(Reply):
    """A provider."""

    id: str
    name: str
    provider_type: str
    source: Literal["manual", "predefined"]
    status: Literal["active", "disabled"]
    api_key_set: bool
    base_url: str | None = None
    credentials: dict[str, str] = Field(default_factory=dict, description="What of them is no secret, such as a region")
    last_synced_at: str | None = None
    trace: bool | None = None
    limits: Limits
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, provider: Provider) -> "ProviderReply":
        """Return a provider as the wire shows it."""
        return cls(
            **{name: getattr(provider, name) for name in _SAME},
            provider_type=provider.type,
            credentials=dict(provider.details),
            limits=Limits.of(provider.limits),
            source="predefined" if provider.is_built_in else "manual",
        )


class ModelBody(Body):
    """A model to be added to a provider."""

    model_id: VendorsName
    display_name: DisplayName
    capabilities: Abilities = Field(default_factory=list)
    enabled: bool = True
    is_favorite: bool = False

    @property
    def draft(self) -> KeptModel:
        """The model, without ids."""
        return KeptModel(
            id="",
            provider_id="",
            name=self.model_id,
            display_name=self.display_name,
            source="manual",
            capabilities=tuple(self.capabilities),
            is_enabled=self.enabled,
            is_favorite=self.is_favorite,
        )


class ModelPatch(Body):
    """Any part of a model; of the server's own, its name for people, and whether it is enabled and a favourite."""

    display_name: DisplayName | None = None
    model_id: VendorsName | None = None
    enabled: bool | None = None
    is_favorite: bool | None = None
    capabilities: Abilities | None = None
    provider_id: Annotated[str, StringConstraints(pattern="^provider_[0-9a-f]{32}$")] | None = None

    @property
    def changes(self) -> dict[str, Any]:
        """What is given, by column."""
        columns = {"model_id": "name", "enabled": "is_enabled"}
        return {columns.get(name, name): value for name, value in self if value is not None}


class TrialReply(Reply):
    """What came of asking a provider for its models."""

    success: bool
    latency_ms: int
    model_count: int | None = None
    error: dict[str, str] | None = None

    @classmethod
    def of(cls, trial: Trial) -> "TrialReply":
        """Return it as the wire shows it."""
        error = None if trial.success else {"code": trial.code or "", "message": trial.message or ""}
        return cls(success=trial.success, latency_ms=trial.latency_ms, model_count=trial.model_count, error=error)


class SyncReply(Reply):
    """What became of a provider's list of models; the numbers are missing where it has none to offer."""

    status: Literal["success", "not_supported"]
    created: int | None = None
    updated: int | None = None
    stale: int | None = None


class CredentialField(Reply):
    """One field of a form."""

    name: str
    label: str
    field_type: Literal["password", "text", "url"]
    required: bool
    placeholder: str | None = None
    multiline: bool = Field(default=False, description="Whether it is a text of several lines, such as a file")


class CredentialSchema(Reply):
    """What a form asks for."""

    instructions_markdown: str
    fields: list[CredentialField]


class DriverReply(Reply):
    """A type of provider that can be made."""

    driver: str
    display_name: str
    supports_oauth: bool = False
    credential_schema: CredentialSchema

    @classmethod
    def of(cls, driver: Driver) -> "DriverReply":
        """Return a type as the wire shows it."""
        fields = [
            CredentialField(
                name=blank.name,
                label=blank.label,
                field_type=blank.kind,
                required=blank.is_required,
                placeholder=blank.placeholder,
                multiline=blank.is_long,
            )
            for blank in driver.blanks
        ]
        schema = CredentialSchema(instructions_markdown=driver.instructions, fields=fields)
        return cls(driver=driver.type, display_name=driver.name, credential_schema=schema)


class ProvidersConfig(Reply):
    """What a console needs to know before it shows a form. `may_be_inside`: whoever asks may name private addresses."""

    policies: dict[str, bool]
    drivers: list[DriverReply]
