"""Users, their tokens and their logins on the wire."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, Field, StringConstraints, model_validator

from api.schemas.fields import Body, Reply, refuse
from runtime.ports.identity import Login, Member, Token, User

# In words: bodies are read strictly, and then a string is no member of an enum.
RoleWord: TypeAlias = Literal["viewer", "member", "admin", "owner"]
Email = Annotated[
    str, StringConstraints(pattern=r"^[^@\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+$", max_length=254)
]
# Rules for new ones are in runtime/identity/passwords.py; here only what is too long to be looked at.
Password = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
PersonName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f-\x9f]*$", max_length=200)]
PictureUrl = Annotated[str, StringConstraints(pattern=r"^https://[^\s\x00]+$", max_length=2048)]


class LoginBody(Body):
    """Who wants to log in."""

    email: Email
    password: Password


class RegisterBody(LoginBody):
    """Who wants to have an account."""

    name: PersonName = ""


class RefreshBody(Body):
    """What a login goes on with; a browser sends it as a cookie."""

    refresh_token: str | None = Field(None, max_length=1024)


class CallbackQuery(BaseModel):
    """What an identity provider sends a browser back with."""

    state: str = Field("", max_length=256)
    code: str | None = Field(None, max_length=4096)
    error: str | None = Field(None, max_length=256)


class GrantReply(Reply):
    """What whoever has logged in shows from now on; `expires_in` is in seconds."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105  the word of RFC 6750
    expires_in: int
    refresh_token: str


class WaysReply(Reply):
    """How people log in here."""

    mode: str
    password_auth_enabled: bool
    oauth_providers: list[str]
    signup_enabled: bool


class MeReply(Reply):
    """Whoever asks."""

    id: str
    email: str | None
    name: str
    roles: list[str]
    avatar_url: str | None = None
    organization_id: str
    scopes: list[str]


class ProfilePatch(Body):
    """What people change of themselves; a new password needs the current one."""

    name: PersonName | None = None
    avatar_url: PictureUrl | None = None
    current_password: Password | None = None
    new_password: Password | None = None

    @model_validator(mode="after")
    def _both_passwords(self) -> "ProfilePatch":
        if (self.current_password is None) != (self.new_password is None):
            refuse("give current_password and new_password, or neither")
        return self


class UserReply(Reply):
    """A member of the organisation, as others see them."""

    id: str
    email: str | None
    name: str
    role: RoleWord
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, member: Member) -> "UserReply":
        """Return a member as the wire shows them; the times are those of the membership."""
        return cls(
            id=member.user_id,
            email=member.email,
            name=member.name,
            role=member.role.value,
            created_at=member.created_at,
            updated_at=member.updated_at,
        )


class ProfileReply(Reply):
    """A user, as they see themselves."""

    id: str
    email: str | None
    name: str
    avatar_url: str | None
    home_organization_id: str | None
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, user: User) -> "ProfileReply":
        """Return a user as the wire shows them."""
        names = ("id", "email", "name", "avatar_url", "created_at", "updated_at")
        return cls(**{name: getattr(user, name) for name in names}, home_organization_id=user.home_org_id)


class TokenBody(Body):
    """A token to be made. Without scopes it is good for all that the credential is good for that it is made with."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    scopes: Annotated[list[str], Field(max_length=20)] | None = None
    expires_in_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class TokenReply(Reply):
    """A token, without itself."""

    id: str
    name: str
    key_prefix: str
    scopes: list[str] | None
    created_at: str
    expires_at: str | None
    last_used_at: str | None = None

    @classmethod
    def of(cls, token: Token) -> "TokenReply":
        """Return a token as the wire shows it."""
        names = ("id", "name", "created_at", "expires_at", "last_used_at")
        scopes = None if token.scopes is None else [scope.value for scope in token.scopes]
        fields = {name: getattr(token, name) for name in names}
        return cls(**fields, key_prefix=token.shown_prefix, scopes=scopes)


class NewTokenReply(TokenReply):
    """A new token. `key` is shown this once."""

    key: str


class LoginReply(Reply):
    """A login that goes on, and where it began."""

    id: str
    created_at: str
    last_used_at: str
    expires_at: str
    address: str | None
    user_agent: str | None
    is_current: bool

    @classmethod
    def of(cls, login: Login, current: str | None) -> "LoginReply":
        """Return a login as the wire shows it."""
        names = ("id", "created_at", "last_used_at", "expires_at", "address", "user_agent")
        return cls(**{name: getattr(login, name) for name in names}, is_current=login.id == current)
