"""The settings of who may call. They keep the bare names that other servers of this protocol know them by."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

_SECRET_CHARS = 32


class AuthMode(StrEnum):
    """Who may call: anybody, one administrator, whoever has an account, or whom an identity provider vouches for."""

    NONE = "none"
    ADMIN = "admin"
    FULL = "full"
    EXTERNAL = "external"


class AuthSettings(BaseModel):
    """Who may call (docs/access.md)."""

    auth_mode: AuthMode = Field(
        AuthMode.NONE,
        validation_alias="AUTH_MODE",
        description="Who may call: none (anybody on this machine), admin, full (accounts), external (OIDC)",
    )
    auth_admin_email: str | None = Field(
        None,
        validation_alias="AUTH_ADMIN_EMAIL",
        pattern=r"^[^@\s]+@[^@\s]+$",
        max_length=254,
        description="With AUTH_MODE=admin, the administrator's e-mail address",
    )
    auth_admin_password: SecretStr | None = Field(
        None,
        validation_alias="AUTH_ADMIN_PASSWORD",
        description="With AUTH_MODE=admin, their password; changing it ends their logins",
    )
    auth_jwt_secret: SecretStr | None = Field(
        None,
        validation_alias="AUTH_JWT_SECRET",
        description="Secret that signs access tokens, 32 characters at least; empty: one is made, in the data dir",
    )
    auth_signup: bool = Field(
        default=True,
        validation_alias="AUTH_SIGNUP",
        description="With AUTH_MODE=full, whether people may register by themselves",
    )
    auth_base_url: str | None = Field(
        None,
        validation_alias="AUTH_BASE_URL",
        pattern=r"^https?://[^\s]+$",
        description="Address of this server as browsers see it, to which identity providers send them back",
    )
    auth_google_client_id: str | None = Field(
        None, validation_alias="AUTH_GOOGLE_CLIENT_ID", min_length=1, description="Client id for logins with Google"
    )
    auth_google_client_secret: SecretStr | None = Field(
        None, validation_alias="AUTH_GOOGLE_CLIENT_SECRET", description="Client secret for logins with Google"
    )
    auth_github_client_id: str | None = Field(
        None, validation_alias="AUTH_GITHUB_CLIENT_ID", min_length=1, description="Client id for logins with GitHub"
    )
    auth_github_client_secret: SecretStr | None = Field(
        None, validation_alias="AUTH_GITHUB_CLIENT_SECRET", description="Client secret for logins with GitHub"
    )
    auth_oidc_issuer: str | None = Field(
        None,
        validation_alias="AUTH_OIDC_ISSUER",
        pattern=r"^https?://[^\s]+$",
        description="Issuer of an OpenID Connect provider: its tokens count with AUTH_MODE=external",
    )
    auth_oidc_audience: str | None = Field(
        None,
        validation_alias="AUTH_OIDC_AUDIENCE",
        min_length=1,
        description="Audience that the issuer's tokens must name, which means this server",
    )
    auth_oidc_client_id: str | None = Field(
        None, validation_alias="AUTH_OIDC_CLIENT_ID", min_length=1, description="Client id for browsers' logins there"
    )
    auth_oidc_client_secret: SecretStr | None = Field(
        None, validation_alias="AUTH_OIDC_CLIENT_SECRET", description="Client secret for browsers' logins there"
    )
    auth_oidc_role_claim: str = Field(
        "roles",
        validation_alias="AUTH_OIDC_ROLE_CLAIM",
        min_length=1,
        description="Claim of the issuer's tokens that names roles or groups; dots lead into objects",
    )
    auth_oidc_roles: str | None = Field(
        None,
        validation_alias="AUTH_OIDC_ROLES",
        pattern=r"^[^=,]+=(viewer|member|admin|owner)(,[^=,]+=(viewer|member|admin|owner))*$",
        description="What they are here, such as staff=member,leads=admin; empty: everybody is a member",
    )

    @field_validator("auth_jwt_secret")
    @classmethod
    def _is_hard_to_guess(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < _SECRET_CHARS:
            message = f"must have {_SECRET_CHARS} characters at least: openssl rand -base64 32"
            raise ValueError(message)
        return secret

    @model_validator(mode="after")
    def _mode_has_what_it_needs(self) -> Self:
        if self.auth_mode is AuthMode.ADMIN and (self.auth_admin_email is None or self.auth_admin_password is None):
            message = "AUTH_MODE=admin needs AUTH_ADMIN_EMAIL and AUTH_ADMIN_PASSWORD"
            raise ValueError(message)
        if self.auth_mode is AuthMode.EXTERNAL and (self.auth_oidc_issuer is None or self.auth_oidc_audience is None):
            message = "AUTH_MODE=external needs AUTH_OIDC_ISSUER and AUTH_OIDC_AUDIENCE"
            raise ValueError(message)
        for provider in ("google", "github", "oidc"):
            given = getattr(self, f"auth_{provider}_client_id"), getattr(self, f"auth_{provider}_client_secret")
            if (given[0] is None) != (given[1] is None):
                name = f"AUTH_{provider.upper()}_CLIENT"
                message = f"{name}_ID and {name}_SECRET go together"
                raise ValueError(message)
            if given[0] is not None and self.auth_base_url is None:
                message = f"logins with {provider} need AUTH_BASE_URL, to which browsers are sent back"
                raise ValueError(message)
        return self
