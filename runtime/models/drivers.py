"""What types of providers people may make: each vendor's, and two that have an address of their own and no other.

A type says which protocol is spoken and what is known of its models; the rest is the provider's.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from runtime.models.vendors import BY_TYPE, VENDORS, Api, Vendor

COMPATIBLE: Final = Vendor(
    type="openai_compatible",
    name="OpenAI-compatible endpoint",
    api=Api.CHAT,
    keys=(),
    base_url="",
    base_url_keys=(),
    default_model="",
    provider_class="openai_compatible:OpenAICompatibleProvider",
    prices="",
)
AZURE: Final = replace(
    BY_TYPE["openai"],
    type="azure_openai",
    name="Azure OpenAI",
    keys=(),
    base_url="",
    base_url_keys=(),
    prices="azure",
    aliases=(),
    key_header="api-key",
)
DRIVERS: Final[Mapping[str, Vendor]] = {**BY_TYPE, COMPATIBLE.type: COMPATIBLE, AZURE.type: AZURE}
MAKEABLE: Final = (*VENDORS, AZURE, COMPATIBLE)

_AZURE_PATH: Final = "/openai/v1"
_OPENAI: Final = "api.openai.com"
_KEYLESS: Final = frozenset({COMPATIBLE.type, "openai_completions"})


def driver_of(type_: str, base_url: str | None) -> Vendor:
    """Return what is known of a type of provider; whoever speaks OpenAI's old protocol elsewhere is not OpenAI.

    Raises KeyError if there is no such type.
    """
    if type_ == "openai_completions" and base_url and urlsplit(base_url).hostname != _OPENAI:
        return COMPATIBLE
    return DRIVERS[type_]


def address_of(driver: Vendor, base_url: str | None) -> str:
    """Return the address that paths are added to; of Azure, people know that of their resource only."""
    address = (base_url or driver.base_url).rstrip("/")
    return address + _AZURE_PATH if driver.key_header and not urlsplit(address).path else address


def needs_key(driver: Vendor, base_url: str | None) -> bool:
    """Tell whether nothing is answered there without a key: servers of one's own often want none."""
    return not (driver.type in _KEYLESS and base_url and urlsplit(base_url).hostname != _OPENAI)


def needs_address(driver: Vendor) -> bool:
    """Tell whether a type has no address of its own."""
    return not driver.base_url
