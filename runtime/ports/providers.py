"""Providers that organisations have, and their models: what is kept, who keeps it, and who tries them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Protocol

import msgspec

from runtime.ports.catalogue import ModelInfo
from runtime.ports.model import Endpoint
from runtime.ports.turnstile import UNLIMITED, CallLimits


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A provider; times are RFC 3339. A built-in one is the server's, and only its status is the organisation's own.

    `details` are what of its credentials is no secret.
    """

    id: str
    name: str
    type: str
    is_built_in: bool = False
    base_url: str | None = None
    is_trusted: bool = False
    details: Mapping[str, str] = {}
    status: str = "active"
    api_key_set: bool = False
    trace: bool | None = None
    limits: CallLimits = UNLIMITED
    last_synced_at: str | None = None
    created_at: str = ""
    updated_at: str = ""

    @property
    def is_active(self) -> bool:
        """Whether its models may be called."""
        return self.status == "active"


class KeptModel(msgspec.Struct, frozen=True, kw_only=True):
    """What an organisation says of a model of a provider."""

    id: str
    provider_id: str
    name: str
    display_name: str
    source: str
    capabilities: tuple[str, ...] = ()
    is_enabled: bool = True
    is_favorite: bool = False
    is_stale: bool = False
    created_at: str = ""
    updated_at: str = ""


class Synced(msgspec.Struct, frozen=True):
    """What became of a provider's list: how many models are new, are there still, and are not any more."""

    created: int
    updated: int
    stale: int


class Providers(Protocol):
    """The providers of one organisation that have rows, and their models. Their keys are sealed on the way in."""

    async def list(self) -> Sequence[Provider]:
        """Return them all, by name."""
        ...

    async def get(self, provider_id: str) -> Provider:
        """Return one. Raises NotFoundError("provider")."""
        ...

    async def create(self, provider: Provider, api_key: str | None) -> Provider:
        """Keep a new one. Raises ConflictError("provider_exists") for a name that is taken."""
        ...

    async def change(self, provider_id: str, changes: Mapping[str, Any], api_key: str | None = None) -> Provider:
        """Change columns by name, and the key if one is given; an empty one takes it away.

        Raises NotFoundError or ConflictError.
        """
        ...

    async def note(self, provider: Provider) -> None:
        """Have a row for a built-in provider, if there is none."""
        ...

    async def note_model(self, model: KeptModel) -> None:
        """Have a row for a built-in model, if there is none."""
        ...

    async def delete(self, provider_id: str) -> None:
        """Forget one with its models. Raises NotFoundError."""
        ...

    async def endpoint(self, provider: Provider) -> Endpoint:
        """Return how it is called, with its key."""
        ...

    async def is_disabled(self, ids: Sequence[str]) -> bool:
        """Tell whether one of these providers or models is disabled."""
        ...

    async def find_model(self, key: str) -> KeptModel:
        """Return a model that may be called, of no built-in provider: by id, name, or `provider:name`.

        Raises NotFoundError("model").
        """
        ...

    async def models(self, provider_id: str | None = None) -> Sequence[KeptModel]:
        """Return the models that have rows, by name; of one provider, or of all."""
        ...

    async def model(self, model_id: str) -> KeptModel:
        """Return one. Raises NotFoundError("model")."""
        ...

    async def add_model(self, model: KeptModel) -> KeptModel:
        """Keep a new one. Raises ConflictError("model_exists")."""
        ...

    async def change_model(self, model_id: str, changes: Mapping[str, Any]) -> KeptModel:
        """Change columns by name. Raises NotFoundError or ConflictError."""
        ...

    async def delete_model(self, model_id: str) -> None:
        """Forget one. Raises NotFoundError."""
        ...

    async def sync(self, provider_id: str, found: Sequence[KeptModel]) -> Synced:
        """Take a provider's list: what is missing in it is kept as stale, unless somebody added it by hand."""
        ...


API_KEY: Final = "api_key"  # as what a provider's key is kept among the secrets of its kind


class Found(msgspec.Struct, frozen=True):
    """A model in a provider's list."""

    name: str
    display_name: str


class Blank(msgspec.Struct, frozen=True):
    """One thing that a form asks for, by the name under which it is given. `is_long`: a text of several lines."""

    name: str
    label: str
    kind: Literal["password", "text", "url"]
    is_required: bool = False
    placeholder: str | None = None
    is_long: bool = False


class Driver(msgspec.Struct, frozen=True):
    """A type of provider that people may make, and what a form asks for."""

    type: str
    name: str
    needs_address: bool
    blanks: tuple[Blank, ...]
    instructions: str


class Credentials(msgspec.Struct, frozen=True):
    """What is given to let one in, as it is kept.

    `key` is one secret, which it does not show: None leaves the one that is kept, an empty one takes it away.
    """

    key: str | None
    details: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return "Credentials()"


class Desk(Protocol):
    """Knows the types of providers, and speaks to them."""

    def drivers(self) -> Sequence[Driver]:
        """Return the types that people may make."""
        ...

    async def credentials(self, type_: str, given: Mapping[str, str], before: Mapping[str, str]) -> Credentials:
        """Return what is given for a type of provider, by the names of its blanks, beside the details from before.

        Raises:
            InvalidInputError: `unknown_credentials`, `credentials_incomplete` or `unusable_credentials`.
        """
        ...

    def built_in(self) -> Sequence[Provider]:
        """Return the server's own providers."""
        ...

    async def prepare(self, providers: Sequence[Provider]) -> None:
        """Load what is known of their models, which takes seconds the first time."""
        ...

    def described(self, provider: Provider, model: KeptModel) -> ModelInfo:
        """Return what there is to say about a model of a provider that is no built-in one; `prepare` first."""
        ...

    async def listed(self, endpoint: Endpoint) -> Sequence[Found]:
        """Ask for a provider's models.

        Raises:
            ModelUnavailableError, ModelRejectedError: it does not answer, or refuses; the words are for people.
        """
        ...


class Opening(msgspec.Struct, frozen=True):
    """A kept model with its provider as actors need them, but for the key."""

    model_id: str
    name: str
    provider_id: str
    type: str
    provider_name: str
    base_url: str | None
    is_trusted: bool
    has_key: bool
    details: Mapping[str, str] = {}


class Policy(msgspec.Struct, frozen=True):
    """What an organisation says of models as a whole: its default, and which of the server's own it does without.

    `disabled` are ids of providers and models; `fallbacks` take over, one after the other, where no layer names any.
    """

    default: str | None = None
    fallbacks: tuple[str, ...] = ()
    disabled: frozenset[str] = frozenset()


class Endpoints(Protocol):
    """What actors read of providers, of whatever organisation they are told."""

    async def revision(self) -> int:
        """Return a number that grows with every change. Raises StoreUnavailableError."""
        ...

    async def policies(self) -> Mapping[str, Policy]:
        """Return what organisations say, for those that say anything. Raises StoreUnavailableError."""
        ...

    async def limits(self) -> Mapping[str, CallLimits]:
        """Return the limits of organisations' own providers that have any, by id. Raises StoreUnavailableError."""
        ...

    async def opening(self, org_id: str, model_id: str) -> Opening | None:
        """Return a model that may be called, None if there is none. Raises StoreUnavailableError."""
        ...
