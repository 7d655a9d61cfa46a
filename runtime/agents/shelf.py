"""The models of an organisation: the server's own, with what it says of them, and those of its providers."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from runtime.core.errors import NotFoundError
from runtime.ports.catalogue import BuiltInModels, ModelInfo
from runtime.ports.providers import Desk, KeptModel, Provider, Providers


class ModelKeys(Protocol):
    """Knows what the name of a model means."""

    async def settled(self, key: str) -> str:
        """Return the key by which actors find a model. Raises NotFoundError("model")."""
        ...


async def chain(keys: Sequence[str], models: ModelKeys) -> tuple[str, ...]:
    """Return what the names of models that take over one after the other mean, each of them once.

    Raises:
        NotFoundError: there is no such model, or none that this organisation may call.
    """
    return tuple(dict.fromkeys([await models.settled(key) for key in keys]))


class Shelf:
    """One organisation's models, for one request."""

    def __init__(self, built_in: BuiltInModels, desk: Desk, providers: Providers) -> None:
        self._built_in = built_in
        self._desk = desk
        self._providers = providers

    async def settled(self, key: str) -> str:
        """Return the key by which actors find a model: `provider:name`, or the id of one of the organisation's own.

        Raises:
            NotFoundError: there is none that may be called.
        """
        try:
            ref = self._built_in.find(key)
        except NotFoundError:
            return (await self._providers.find_model(key)).id
        if await self._providers.is_disabled([ref.provider_id, ref.id]):
            raise NotFoundError("model", key)
        return ref.key

    async def default(self) -> str:
        """Return the key of the server's default, as far as the organisation does not do without it.

        Raises:
            NotFoundError: it does without every model that could be one.
        """
        providers = await self._providers.list()
        kept = await self._providers.models() if providers else ()
        disabled = {provider.id for provider in providers if not provider.is_active}
        return self._built_in.default(disabled | {model.id for model in kept if not model.is_enabled}).key

    async def models(self) -> Sequence[ModelInfo]:
        """Return every model there is, disabled ones too."""
        providers = {provider.id: provider for provider in await self._providers.list()}
        kept = await self._providers.models() if providers else ()
        said = {model.id: model for model in kept}
        own = [_said_of(info, providers.get(info.provider_id), said.get(info.id)) for info in self._built_in.models()]
        others = [model for model in kept if not providers[model.provider_id].is_built_in]
        await self._desk.prepare([providers[model.provider_id] for model in others])
        return [*own, *(self._desk.described(providers[model.provider_id], model) for model in others)]

    async def info(self, key: str) -> ModelInfo:
        """Return what is known of a model, disabled or not, by all that `settled` takes. Raises NotFoundError."""
        try:
            known = self._built_in.info(key)
        except NotFoundError:
            return await self._kept(key)
        try:
            provider = await self._providers.get(known.provider_id)
        except NotFoundError:  # nobody has said anything of it
            return known
        said = [model for model in await self._providers.models(known.provider_id) if model.id == known.id]
        return _said_of(known, provider, said[0] if said else None)

    async def of_provider(self, provider: Provider) -> Sequence[ModelInfo]:
        """Return a provider's models."""
        if provider.is_built_in:
            return [info for info in await self.models() if info.provider_id == provider.id]
        await self._desk.prepare([provider])
        return [self._desk.described(provider, model) for model in await self._providers.models(provider.id)]

    async def _kept(self, key: str) -> ModelInfo:
        model = await (self._providers.model(key) if key.startswith("model_") else self._providers.find_model(key))
        provider = await self._providers.get(model.provider_id)
        await self._desk.prepare([provider])
        return self._desk.described(provider, model)


def _said_of(info: ModelInfo, provider: Provider | None, said: KeptModel | None) -> ModelInfo:
    """Return a built-in model with what the organisation says of it."""
    if provider is not None and not provider.is_active:
        info = msgspec.structs.replace(info, healthy=False)
    if said is None:
        return info
    return msgspec.structs.replace(
        info,
        display_name=said.display_name,
        enabled=said.is_enabled,
        is_favorite=said.is_favorite,
        updated_at=said.updated_at,
    )
