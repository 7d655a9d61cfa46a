"""What this server offers: the models of the configured vendors, and the simulated ones always.

A model that is not listed can still be named as `provider:name`, so that one that came out yesterday works.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Final

import msgspec

from runtime.core.errors import NotFoundError
from runtime.core.ids import is_id
from runtime.models.failures import no_key, party
from runtime.models.info import known_names, model_key, provider_key, simulated_info, vendor_info
from runtime.models.loading import preload
from runtime.models.simulated import ECHO, LOREM, PROVIDER
from runtime.models.vendors import BY_TYPE, VENDORS, Vendor
from runtime.ports.catalogue import ModelInfo
from runtime.ports.model import ModelRef
from runtime.process.settings import ModelSettings

_SIMULATED: Final = (
    simulated_info(PROVIDER, ECHO, "Streams the user's text back; a fenced sim block scripts it."),
    simulated_info(PROVIDER, LOREM, "Streams twenty words; a fenced sim block scripts it."),
)


class Catalogue:
    """The models of one server. `environment` holds the vendors' keys and addresses under their usual names."""

    def __init__(self, settings: ModelSettings, environment: Mapping[str, str], now: datetime) -> None:
        self._chosen = settings.default_model
        self._environment = environment
        self._now = now
        self._infos: dict[str, ModelInfo] | None = None

    @cached_property
    def configured(self) -> tuple[Vendor, ...]:
        """The vendors that somebody gave a key, in the order of preference."""
        return tuple(vendor for vendor in VENDORS if vendor.is_configured(self._environment))

    def preload(self) -> None:
        """Load what lists need. Blocks for seconds when a vendor is configured: call it in a thread."""
        preload(self.configured)
        self._listed()

    def models(self) -> tuple[ModelInfo, ...]:
        """Return every listed model.

        With a vendor configured, the first call loads pydantic-ai, which takes seconds: `preload` first.
        """
        return tuple(self._listed().values())

    def info(self, key: str) -> ModelInfo:
        """Return what is known of a model, by the keys that `find` takes.

        Raises:
            NotFoundError: no such model.
        """
        ref = self.find(key)
        listed = self._listed().get(ref.id)
        if listed is not None:
            return listed
        vendor = BY_TYPE[ref.provider]
        return vendor_info(vendor, ref.name, is_healthy=self._is_healthy(vendor), now=self._now)

    def find(self, key: str) -> ModelRef:
        """Return the model for a public id, a `provider:name`, a provider (its default) or a vendor's own name.

        Raises:
            NotFoundError: no such model.
        """
        if is_id("model", key):
            return self._found(self._listed().get(key), key)
        provider, colon, name = key.partition(":")
        if colon and (provider in BY_TYPE or provider == PROVIDER):
            return self._named(provider, name, key)
        if key in BY_TYPE:
            return _ref(BY_TYPE[key].type, BY_TYPE[key].default_model)
        matches = (info for info in self._listed().values() if info.model_id == key)
        return self._found(next(matches, None), key)

    def default(self, disabled: Collection[str] = ()) -> ModelRef:
        """Return the model for sessions that name none; `is_default` only when nobody chose or configured any.

        `disabled` are ids of providers and models that an organisation does without.

        Raises:
            NotFoundError: the configured default does not exist, or there is none that is not disabled.
        """
        if self._chosen is not None and not _is_in(disabled, chosen := self.find(self._chosen)):
            return chosen
        for vendor in self.configured:
            if not _is_in(disabled, ref := _ref(vendor.type, vendor.default_model)):
                return ref
        echo = msgspec.structs.replace(_ref(PROVIDER, ECHO), is_default=True)
        if _is_in(disabled, echo):
            raise NotFoundError(kind="model", key="default")
        return echo

    def usable_default(self) -> ModelRef:
        """Return the default, of which a call can come to something.

        Raises:
            NotFoundError: it does not exist.
            ModelRejectedError: nobody configured a key for its vendor.
        """
        ref = self.default()
        vendor = BY_TYPE.get(ref.provider)
        if vendor is not None and not self._is_healthy(vendor):
            raise no_key(party(vendor, vendor.base_url))
        return ref

    def _named(self, provider: str, name: str, key: str) -> ModelRef:
        if provider == PROVIDER:
            return self._found(next((info for info in _SIMULATED if info.model_id == name), None), key)
        if not name:
            raise NotFoundError(kind="model", key=key)
        return _ref(BY_TYPE[provider].type, name)

    def _found(self, info: ModelInfo | None, key: str) -> ModelRef:
        if info is None:
            raise NotFoundError(kind="model", key=key)
        return _ref(info.provider_type, info.model_id)

    def _listed(self) -> dict[str, ModelInfo]:
        if self._infos is None:
            infos = [
                vendor_info(vendor, name, is_healthy=True, now=self._now)
                for vendor in self.configured
                for name in known_names(vendor)
            ]
            infos += [*self._chosen_info(), *_SIMULATED]
            self._infos = {info.id: info for info in infos}
        return self._infos

    def _chosen_info(self) -> tuple[ModelInfo, ...]:
        provider, colon, name = (self._chosen or "").partition(":")
        vendor = BY_TYPE.get(provider)
        if vendor is None or not colon or not name:
            return ()
        return (vendor_info(vendor, name, is_healthy=self._is_healthy(vendor), now=self._now),)

    def _is_healthy(self, vendor: Vendor) -> bool:
        return vendor.api_key(self._environment) is not None


def _is_in(disabled: Collection[str], ref: ModelRef) -> bool:
    return ref.provider_id in disabled or ref.id in disabled


@lru_cache(maxsize=1_000)
def _ref(provider: str, name: str) -> ModelRef:
    return ModelRef(model_key(provider, name), provider, name, provider_key(provider))
