"""Who makes providers and says what of their models: what must hold, and who may say where they are.

A base URL is asked with a key by the server. So one that an administrator of the whole server gave may be inside (an
Ollama on this machine), and one of anybody else may not; and a key stays with the address that it was given for.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from runtime.agents.shelf import Shelf
from runtime.core.access.principal import Principal
from runtime.core.access.roles import Scope
from runtime.core.errors import (
    ForbiddenError,
    InvalidInputError,
    ModelRejectedError,
    ModelUnavailableError,
    NotFoundError,
)
from runtime.core.inside import is_plain, is_plainly_inside
from runtime.ports.catalogue import ModelInfo
from runtime.ports.model import Endpoint
from runtime.ports.providers import Desk, KeptModel, Provider, Providers, Synced
from runtime.process.mint import new_id

_ADDRESS_CHARS: Final = 2_048
_OF_BUILT_IN: Final = frozenset({"status"})
_OF_PREDEFINED: Final = frozenset({"display_name", "is_enabled", "is_favorite"})


class Trial(msgspec.Struct, frozen=True):
    """What came of asking a provider for its models. `model_count` is None where it failed."""

    success: bool
    latency_ms: int
    model_count: int | None = None
    code: str | None = None
    message: str | None = None


class Providing:
    """Changes the providers of one organisation, as one principal may."""

    def __init__(self, providers: Providers, desk: Desk, shelf: Shelf, by: Principal) -> None:
        self._providers = providers
        self._desk = desk
        self._shelf = shelf
        self._by = by

    async def list(self) -> Sequence[Provider]:
        """Return the server's own providers and the organisation's."""
        kept = {provider.id: provider for provider in await self._providers.list()}
        own = [_kept_or(kept, provider) for provider in self._desk.built_in()]
        return [*own, *(provider for provider in kept.values() if not provider.is_built_in)]

    async def get(self, provider_id: str) -> Provider:
        """Return one. Raises NotFoundError."""
        own = next((provider for provider in self._desk.built_in() if provider.id == provider_id), None)
        try:
            kept = await self._providers.get(provider_id)
        except NotFoundError:
            if own is None:
                raise
            return own
        return kept if own is None else _kept_or({kept.id: kept}, own)

    async def create(self, draft: Provider, given: Mapping[str, str]) -> Provider:
        """Make a provider; the draft says name, type, address, trace and limits, and credentials are given.

        Raises:
            InvalidInputError: `unknown_provider_type`, `invalid_base_url`, `base_url_needed`, or as
                `Desk.credentials` does.
            ForbiddenError: `address_not_public`: it is inside, and whoever asks administers no server.
            ConflictError: `provider_exists`.
        """
        made, key = await self._lettable(self._vouched(draft, new_id("provider")), given)
        return await self._providers.create(made, key)

    async def change(self, provider_id: str, changes: Mapping[str, Any], given: Mapping[str, str]) -> Provider:
        """Change what is given. Raises as `create` does.

        Raises:
            NotFoundError: there is no such provider.
            ForbiddenError: `provider_built_in`: only the status of the server's own may be changed.
            InvalidInputError: `key_needed`: another address must not get the key that was given for this one.
        """
        before = await self.get(provider_id)
        if before.is_built_in:
            if given or changes.keys() - _OF_BUILT_IN:
                message = f"{before.name} is the server's own: only its status can be changed."
                raise ForbiddenError(message, "provider_built_in")
            await self._providers.note(before)
            return _kept_or({before.id: await self._providers.change(provider_id, changes)}, before)
        after, key = await self._lettable(before, given)
        if after.details != before.details:
            changes = {**changes, "details": after.details}
        if "base_url" in changes and changes["base_url"] != before.base_url:
            if before.api_key_set and key is None:
                message = "The key was given for the old address: give it again, or an empty one."
                raise InvalidInputError(message, "key_needed")
            after = self._vouched(msgspec.structs.replace(before, base_url=changes["base_url"]), provider_id)
            changes = {**changes, "base_url": after.base_url, "is_trusted": after.is_trusted}
        return await self._providers.change(provider_id, changes, key)

    async def delete(self, provider_id: str) -> None:
        """Forget a provider with its models; turns that run go on with it. Raises NotFoundError or ForbiddenError."""
        if (await self.get(provider_id)).is_built_in:
            message = "The server's own providers cannot be deleted; they can be disabled."
            raise ForbiddenError(message, "provider_built_in")
        await self._providers.delete(provider_id)

    # ------------------------------------------------------------ trying

    async def try_draft(self, draft: Provider, given: Mapping[str, str]) -> Trial:
        """Ask a provider that is not kept yet for its models. Raises as `create` does."""
        made, key = await self._lettable(self._vouched(draft, "provider"), given)
        endpoint = Endpoint(made.type, made.name, made.base_url, key or None, made.is_trusted, made.details)
        return await self._try(endpoint)

    async def try_kept(self, provider_id: str) -> Trial:
        """Ask a provider for its models. Raises NotFoundError, or ForbiddenError for the server's own."""
        return await self._try(await self._endpoint(provider_id))

    async def sync(self, provider_id: str) -> Synced | None:
        """Take over a provider's list of models; None if it has none to offer.

        Raises:
            NotFoundError: there is no such provider.
            ModelUnavailableError, ModelRejectedError: it does not answer, or refuses.
        """
        provider = await self.get(provider_id)
        if provider.is_built_in:
            return None
        try:
            found = await self._desk.listed(await self._providers.endpoint(provider))
        except ModelRejectedError as err:
            if err.status == 404:  # noqa: PLR2004 - it answers, and has no list
                return None
            raise
        models = [
            KeptModel(
                id=new_id("model"),
                provider_id=provider.id,
                name=model.name,
                display_name=model.display_name,
                source="discovered",
            )
            for model in {model.name: model for model in found}.values()
        ]
        return await self._providers.sync(provider.id, models)

    async def _endpoint(self, provider_id: str) -> Endpoint:
        provider = await self.get(provider_id)
        if provider.is_built_in:
            message = f"{provider.name} is the server's own, and tried when it starts."
            raise ForbiddenError(message, "provider_built_in")
        return await self._providers.endpoint(provider)

    async def _try(self, endpoint: Endpoint) -> Trial:
        began_s = time.monotonic()
        try:
            found = await self._desk.listed(endpoint)
        except (ModelUnavailableError, ModelRejectedError) as err:
            return Trial(success=False, latency_ms=_since_ms(began_s), code=err.stable_code, message=str(err))
        return Trial(success=True, latency_ms=_since_ms(began_s), model_count=len(found))

    # ------------------------------------------------------------ models

    async def add_model(self, provider_id: str, draft: KeptModel) -> ModelInfo:
        """Add a model by hand. Raises NotFoundError, ForbiddenError, or ConflictError("model_exists")."""
        provider = await self.get(provider_id)
        if provider.is_built_in:
            message = "Every model of the server's own providers can be named as it is: `provider:name`."
            raise ForbiddenError(message, "provider_built_in")
        made = msgspec.structs.replace(draft, id=new_id("model"), provider_id=provider_id, source="manual")
        kept = await self._providers.add_model(made)
        await self._desk.prepare([provider])
        return self._desk.described(provider, kept)

    async def change_model(self, key: str, changes: Mapping[str, Any]) -> ModelInfo:
        """Change what is said of a model.

        Raises:
            NotFoundError: there is no such model or provider.
            ForbiddenError: `model_predefined`: of the server's own, only some may be changed.
            ConflictError: `model_exists`.
        """
        info = await self._shelf.info(key)
        provider = await self.get(info.provider_id)
        if provider.is_built_in:
            await self._note(provider, info, changes)
        elif "provider_id" in changes and (await self.get(changes["provider_id"])).is_built_in:
            message = "A model cannot be moved to one of the server's own providers."
            raise ForbiddenError(message, "provider_built_in")
        await self._providers.change_model(info.id, changes)
        return await self._shelf.info(info.id)

    async def delete_model(self, key: str) -> None:
        """Forget a model. Raises NotFoundError, or ForbiddenError for the server's own."""
        info = await self._shelf.info(key)
        if (await self.get(info.provider_id)).is_built_in:
            message = "The server's own models cannot be deleted; they can be disabled."
            raise ForbiddenError(message, "model_predefined")
        await self._providers.delete_model(info.id)

    async def _note(self, provider: Provider, info: ModelInfo, changes: Mapping[str, Any]) -> None:
        """Have rows for what is said of a built-in model."""
        if changes.keys() - _OF_PREDEFINED:
            message = f"{info.display_name} is predefined: only display_name, enabled and is_favorite can be changed."
            raise ForbiddenError(message, "model_predefined")
        await self._providers.note(provider)
        await self._providers.note_model(
            KeptModel(
                id=info.id,
                provider_id=provider.id,
                name=info.model_id,
                display_name=info.display_name,
                source="predefined",
            )
        )

    # ------------------------------------------------------------ addresses

    def _vouched(self, draft: Provider, provider_id: str) -> Provider:
        """Return a provider as whoever asks may make it."""
        driver = next((driver for driver in self._desk.drivers() if driver.type == draft.type), None)
        if driver is None:
            known = ", ".join(driver.type for driver in self._desk.drivers())
            message = f"There is no type of provider {draft.type!r}; there are {known}."
            raise InvalidInputError(message, "unknown_provider_type")
        if draft.base_url is None and driver.needs_address:
            message = f"{driver.name} has no address of its own: give base_url."
            raise InvalidInputError(message, "base_url_needed")
        is_trusted = self._by.may(Scope.SYSTEM)
        address = None if draft.base_url is None else _checked(draft.base_url, may_be_inside=is_trusted)
        return msgspec.structs.replace(draft, id=provider_id, base_url=address, is_trusted=is_trusted)

    async def _lettable(self, provider: Provider, given: Mapping[str, str]) -> tuple[Provider, str | None]:
        """Return a provider with the details that are given beside its own, and the key, if one is given."""
        credentials = await self._desk.credentials(provider.type, given, provider.details)
        return msgspec.structs.replace(provider, details=credentials.details), credentials.key


def _checked(base_url: str, *, may_be_inside: bool) -> str:
    """Return an address without a slash at its end. Raises InvalidInputError or ForbiddenError."""
    try:
        url = urlsplit(base_url)
        host, _port = url.hostname or "", url.port
    except ValueError:
        host, url = "", urlsplit("")
    is_one = url.scheme in ("http", "https") and host and is_plain(host) and len(base_url) <= _ADDRESS_CHARS
    has_more = bool(url.query or url.fragment or "@" in url.netloc) or not base_url.isprintable() or " " in base_url
    if not is_one or has_more:
        message = "base_url is http:// or https://, a host, and perhaps a port and a path; a key is given as api_key."
        raise InvalidInputError(message, "invalid_base_url")
    if not may_be_inside and is_plainly_inside(host):
        message = f"{host} is not public: only an administrator of the server may have it asked."
        raise ForbiddenError(message, "address_not_public")
    return base_url.rstrip("/")


def _kept_or(kept: Mapping[str, Provider], own: Provider) -> Provider:
    """Return one of the server's own with what the organisation says of it."""
    said = kept.get(own.id)
    if said is None:
        return own
    return msgspec.structs.replace(own, status=said.status, created_at=said.created_at, updated_at=said.updated_at)


def _since_ms(began_s: float) -> int:
    return round((time.monotonic() - began_s) * 1000)
