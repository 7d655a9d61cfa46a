"""Whom to call for a model, where and with which key: by the server's environment, or by a provider of people's own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from runtime.models import failures
from runtime.models.drivers import address_of, driver_of, needs_key
from runtime.models.vendors import BY_TYPE, Vendor
from runtime.ports.model import Endpoint, ModelRef

_AUTHORIZATION: Final = "Authorization"
_NONE: Final = "none"  # is said where no key is wanted: some servers insist on the header


@dataclass(frozen=True, slots=True)
class Line:
    """One provider that can be called. `base_url` has no slash at its end."""

    vendor: Vendor
    api_key: str
    base_url: str
    is_trusted: bool = True

    def headers(self, made: Mapping[str, str]) -> Mapping[str, str]:
        """Return a dialect's headers with the key where this vendor looks for it."""
        if self.vendor.key_header is None:
            return made
        others = {name: value for name, value in made.items() if name != _AUTHORIZATION}
        return {**others, self.vendor.key_header: self.api_key}


def line_of(model: ModelRef, environment: Mapping[str, str]) -> Line:
    """Return whom to call for a model.

    Raises:
        ModelRejectedError: there is no key.
    """
    if model.endpoint is not None:
        return line_to(model.endpoint, model.provider_id)
    vendor = BY_TYPE[model.provider]
    api_key = vendor.api_key(environment)
    if api_key is None:
        raise failures.no_key(failures.party(vendor, vendor.address(environment)))
    return Line(vendor, api_key, vendor.address(environment).rstrip("/"))


def line_to(endpoint: Endpoint, provider_id: str) -> Line:
    """Return how a provider of people's own is called. Raises as `line_of` does."""
    driver = driver_of(endpoint.type, endpoint.base_url)
    vendor = replace(driver, name=endpoint.name, account=provider_id)
    if endpoint.api_key is None and needs_key(driver, endpoint.base_url):
        raise failures.no_key(failures.party(vendor, address_of(driver, endpoint.base_url)))
    return Line(vendor, endpoint.api_key or _NONE, address_of(driver, endpoint.base_url), endpoint.is_trusted)
