"""Logins of browsers at a provider: authorization code with PKCE (RFC 6749 4.1, RFC 7636), by Authlib."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from runtime.core.errors import ProviderUnavailableError, UnauthenticatedError
from runtime.federation.bearer import vouched_by
from runtime.federation.issuer import TIMEOUT_S, Issuer
from runtime.federation.roles import RoleMapping
from runtime.fetch.trust import trusting
from runtime.ports.federation import Journey, Vouched

GITHUB: Final = "https://github.com"
GITHUB_API: Final = "https://api.github.com"


class Client:
    """What a provider knows this server as, and where it sends browsers back."""

    def __init__(self, client_id: str, client_secret: str, redirect_uri: str) -> None:
        self.client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri

    @asynccontextmanager
    async def open(self, provider: str, scope: str) -> AsyncIterator[Any]:
        """Give a client of Authlib's, whose failures are told in our words."""
        try:
            async with AsyncOAuth2Client(
                self.client_id,
                self._client_secret,
                scope=scope,
                redirect_uri=self._redirect_uri,
                code_challenge_method="S256",
                timeout=TIMEOUT_S,
                verify=trusting(),
            ) as client:
                yield client
        except OAuthError as err:
            raise _refused(provider) from err
        except httpx.HTTPStatusError as err:
            if err.response.is_client_error:
                raise _refused(provider) from err
            raise ProviderUnavailableError(provider=provider) from err
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as err:
            raise ProviderUnavailableError(provider=provider) from err


class OidcProvider:
    """A provider that speaks OpenID Connect (`runtime.ports.federation.IdentityProvider`)."""

    def __init__(self, name: str, issuer: Issuer, client: Client, roles: RoleMapping) -> None:
        self._name = name
        self._issuer = issuer
        self._client = client
        self._roles = roles

    async def address(self, journey: Journey) -> str:
        """Return where to send a browser."""
        metadata = await self._issuer.metadata()
        async with self._client.open(self._name, "openid email profile") as client:
            return _address(client, str(metadata["authorization_endpoint"]), journey, nonce=journey.nonce)

    async def meet(self, code: str, journey: Journey) -> Vouched:
        """Return who has come back with a code."""
        metadata = await self._issuer.metadata()
        async with self._client.open(self._name, "openid email profile") as client:
            token = await client.fetch_token(
                str(metadata["token_endpoint"]),
                grant_type="authorization_code",
                code=code,
                code_verifier=journey.verifier,
            )
        claims = await self._issuer.verify(str(token.get("id_token")), self._client.client_id)
        if claims is None or claims.get("nonce") != journey.nonce:
            raise _refused(self._name)
        return vouched_by(self._issuer, claims, self._roles.role(claims))


class GitHubProvider:
    """GitHub, which speaks OAuth 2 and has an API of its own for the rest."""

    def __init__(self, client: Client, home: str = GITHUB, api: str = GITHUB_API) -> None:
        self._client = client
        self._home = home
        self._api = api

    async def address(self, journey: Journey) -> str:
        """Return where to send a browser."""
        async with self._client.open("github", "read:user user:email") as client:
            return _address(client, f"{self._home}/login/oauth/authorize", journey)

    async def meet(self, code: str, journey: Journey) -> Vouched:
        """Return who has come back with a code."""
        async with self._client.open("github", "read:user user:email") as client:
            await client.fetch_token(
                f"{self._home}/login/oauth/access_token",
                grant_type="authorization_code",
                code=code,
                code_verifier=journey.verifier,
            )
            user = (await client.get(f"{self._api}/user")).raise_for_status().json()
            emails = (await client.get(f"{self._api}/user/emails")).raise_for_status().json()
            return self._vouched(user, emails)

    def _vouched(self, user: Mapping[str, Any], emails: list[Mapping[str, Any]]) -> Vouched:
        own = [str(email["email"]) for email in emails if email["primary"] and email["verified"]]
        return Vouched(
            issuer=self._home,
            subject=str(user["id"]),
            email=own[0] if own else None,
            name=str(user.get("name") or user.get("login") or "")[:200],
            avatar_url=user.get("avatar_url"),
        )


def _address(client: Any, endpoint: str, journey: Journey, **more: str) -> str:
    url, _ = client.create_authorization_url(endpoint, state=journey.state, code_verifier=journey.verifier, **more)
    return str(url)


def _refused(provider: str) -> UnauthenticatedError:
    message = f"The identity provider {provider} did not confirm this login: try again."
    return UnauthenticatedError(message, "provider_refused")
