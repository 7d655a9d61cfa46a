"""Whom to call for a model, where and with which key: by the server's environment, or by a provider of people's own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from runtime.models import failures
from runtime.models.drivers import address_of, driver_of, needs_key
from runtime.models.vendors import BY_TYPE, Api, Vendor
from runtime.ports.model import Endpoint, ModelRef

UNAUTHORIZED: Final = 401
_AUTHORIZATION: Final = "Authorization"
_NO_DETAILS: Final[Mapping[str, str]] = {}
_NONE: Final = "none"  # is said where no key is wanted: some servers insist on the header


@dataclass(frozen=True, slots=True)
class Line:
    """One provider that can be called, after `log_in`. `base_url` has no slash at its end."""

    vendor: Vendor
    api_key: str
    base_url: str
    is_trusted: bool
    details: Mapping[str, str]

    async def log_in(self) -> None:
        """Have what lets us in, where it takes a while to make."""
        if self.vendor.api is Api.VERTEX:
            from runtime.models.logins import google  # noqa: PLC0415 - not before it is needed

            await google.sign(self.api_key)

    def refused(self, status: int | None) -> None:
        """Take note that it did not let us in: what was made for that is made anew the next time."""
        if self.vendor.api is Api.VERTEX and status == UNAUTHORIZED:
            from runtime.models.logins import google  # noqa: PLC0415

            google.forget(self.api_key)

    def headers(self, made: Mapping[str, str], url: str, body: bytes = b"", method: str = "POST") -> Mapping[str, str]:
        """Return the headers of a request with what lets it in, as this vendor wants it; `made` are the dialect's."""
        match self.vendor.api:
            case Api.CONVERSE:
                from runtime.models.logins import aws  # noqa: PLC0415 - with botocore, where it is needed

                return aws.headers(self.api_key, self.details["region"], (method, url, body), made)
            case Api.VERTEX:
                return {**made, _AUTHORIZATION: f"Bearer {self.shown}"}
        if self.vendor.key_header is None:
            return made
        others = {name: value for name, value in made.items() if name != _AUTHORIZATION}
        return {**others, self.vendor.key_header: self.api_key}

    @property
    def shown(self) -> str:
        """What the other side is sent of the key, or instead of it; empty if nothing is."""
        match self.vendor.api:
            case Api.CONVERSE:
                from runtime.models.logins import aws  # noqa: PLC0415

                return aws.shown(self.api_key)
            case Api.VERTEX:
                from runtime.models.logins import google  # noqa: PLC0415

                return google.token(self.api_key)
        return self.api_key


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
    return Line(vendor, api_key, vendor.address(environment).rstrip("/"), is_trusted=True, details=_NO_DETAILS)


def line_to(endpoint: Endpoint, provider_id: str) -> Line:
    """Return how a provider of people's own is called. Raises as `line_of` does."""
    driver = driver_of(endpoint.type, endpoint.base_url)
    vendor = replace(driver, name=endpoint.name, account=provider_id)
    address = address_of(driver, endpoint.base_url, endpoint.details)
    if endpoint.api_key is None and needs_key(driver, endpoint.base_url):
        raise failures.no_key(failures.party(vendor, address))
    return Line(vendor, endpoint.api_key or _NONE, address, endpoint.is_trusted, endpoint.details)
