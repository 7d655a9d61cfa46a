"""The identity providers that the settings name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx

from runtime.federation.bearer import IssuerVerifier
from runtime.federation.browser import Client, GitHubProvider, OidcProvider
from runtime.federation.issuer import TIMEOUT_S, Issuer
from runtime.federation.roles import RoleMapping, parse_roles
from runtime.fetch.trust import trusting
from runtime.ports.federation import IdentityProvider, Verifier
from runtime.process.auth_settings import AuthMode, AuthSettings

GOOGLE: Final = "https://accounts.google.com"
_CALLBACK: Final = "/api/v1/auth/callback/"


@dataclass(frozen=True, slots=True)
class Federation:
    """Where browsers can be sent, by name, and who reads the tokens of programs."""

    http: httpx.AsyncClient
    providers: Mapping[str, IdentityProvider] = field(default_factory=dict)
    verifier: Verifier | None = None

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()


def configured(settings: AuthSettings) -> Federation:
    """Return the providers of the settings; nothing is asked of them yet."""
    http = httpx.AsyncClient(timeout=TIMEOUT_S, verify=trusting())
    if settings.auth_mode not in (AuthMode.FULL, AuthMode.EXTERNAL):
        return Federation(http)
    nothing_mapped = RoleMapping("", {})
    providers: dict[str, IdentityProvider] = {}
    if client := _client(settings, "google"):
        providers["google"] = OidcProvider("google", Issuer(GOOGLE, http), client, nothing_mapped)
    if client := _client(settings, "github"):
        providers["github"] = GitHubProvider(client)
    if settings.auth_oidc_issuer is None:
        return Federation(http, providers)
    issuer = Issuer(settings.auth_oidc_issuer, http)
    roles = RoleMapping(settings.auth_oidc_role_claim, parse_roles(settings.auth_oidc_roles))
    if client := _client(settings, "oidc"):
        providers["oidc"] = OidcProvider("oidc", issuer, client, roles)
    if settings.auth_mode is not AuthMode.EXTERNAL or settings.auth_oidc_audience is None:
        return Federation(http, providers)
    return Federation(http, providers, IssuerVerifier(issuer, settings.auth_oidc_audience, roles))


def _client(settings: AuthSettings, name: str) -> Client | None:
    client_id = getattr(settings, f"auth_{name}_client_id")
    client_secret = getattr(settings, f"auth_{name}_client_secret")
    if client_id is None or client_secret is None or settings.auth_base_url is None:
        return None
    return Client(client_id, client_secret.get_secret_value(), settings.auth_base_url.rstrip("/") + _CALLBACK + name)
