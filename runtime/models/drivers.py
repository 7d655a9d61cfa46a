"""What types of providers people may make: each vendor's, clouds, and two that have no address but people's own.

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
BEDROCK: Final = Vendor(
    type="bedrock",
    name="Amazon Bedrock",
    api=Api.CONVERSE,
    keys=(),
    base_url="https://bedrock-runtime.{region}.amazonaws.com",
    base_url_keys=(),
    default_model="",
    provider_class="bedrock:BedrockProvider",
    prices="aws",
)
VERTEX: Final = replace(
    BY_TYPE["gemini"],
    type="vertex",
    name="Google Vertex AI",
    api=Api.VERTEX,
    keys=(),
    base_url="https://{location}-aiplatform.googleapis.com",
    base_url_keys=(),
    provider_class="google_cloud:GoogleCloudProvider",
    aliases=(),
)
MAKEABLE: Final = (*VENDORS, AZURE, BEDROCK, VERTEX, COMPATIBLE)
DRIVERS: Final[Mapping[str, Vendor]] = {**BY_TYPE, **{driver.type: driver for driver in MAKEABLE}}

# https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations
_VERTEX_HOSTS: Final[Mapping[str, str]] = {
    "global": "https://aiplatform.googleapis.com",
    "us": "https://aiplatform.us.rep.googleapis.com",
    "eu": "https://aiplatform.eu.rep.googleapis.com",
}
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


def address_of(driver: Vendor, base_url: str | None, details: Mapping[str, str]) -> str:
    """Return the address that paths are added to; of Azure, people know that of their resource only."""
    if driver.api is Api.VERTEX:
        root = base_url or _VERTEX_HOSTS.get(details["location"], driver.base_url)
        return f"{root}/v1beta1/projects/{{project}}/locations/{{location}}".format_map(details)
    if driver.api is Api.CONVERSE and base_url is None:
        suffix = ".cn" if details["region"].startswith("cn-") else ""
        return driver.base_url.format_map(details) + suffix
    address = (base_url or driver.base_url).rstrip("/")
    return address + _AZURE_PATH if driver.key_header and not urlsplit(address).path else address


def needs_key(driver: Vendor, base_url: str | None) -> bool:
    """Tell whether nothing is answered there without a key: servers of one's own often want none."""
    return not (driver.type in _KEYLESS and base_url and urlsplit(base_url).hostname != _OPENAI)


def needs_address(driver: Vendor) -> bool:
    """Tell whether a type has no address of its own."""
    return not driver.base_url
