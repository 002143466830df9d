"""Who may come in over HTTP, and how much of it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from storage.core.callers.roles import Role, checked_roles
from storage.core.errors import InvalidRequest
from storage.settings.networks import networks


class AccessSettings(BaseModel):
    auth: Literal["none", "required"] = Field(
        "none",
        description="none: everybody on this machine may do everything; required: sign-in.",
    )
    session_idle_s: float = Field(3600.0, gt=0, description="A session unused so long ends.")
    session_max_s: float = Field(43_200.0, gt=0, description="Every session ends after so long.")
    password_min_length: int = Field(12, ge=8, le=128)
    second_factor_roles: Annotated[tuple[Role, ...], NoDecode] = Field(
        (),
        description="Roles whose accounts must have a second factor, separated by commas. Those of"
        " an identity provider show theirs there.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Addresses and networks of reverse proxies whose X-Forwarded-For and"
        " X-Forwarded-Proto are believed.",
    )
    emergency_access_max_s: int = Field(
        3600, ge=60, le=86_400, description="The longest access in an emergency, and its default."
    )
    metrics_public: bool = Field(False, description="Answer /metrics without sign-in.")
    rate_limit_per_minute: int = Field(
        60_000, ge=0, description="Requests of one who has signed in; 0: any number."
    )
    rate_limit_anonymous_per_minute: int = Field(
        300, ge=0, description="Requests of one address without sign-in; 0: any number."
    )
    request_timeout_s: float = Field(
        330.0, gt=0, description="A request that is not answered in this time ends with 504."
    )

    oidc_issuer: str = Field("", description="https:// address of the identity provider.")
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_scopes: str = "openid profile"
    oidc_name_claim: str = Field("preferred_username", description="What people are called by.")
    oidc_roles_claim: str = Field("roles", description="Its path, as in realm_access.roles.")
    oidc_groups_claim: str = Field(
        "", description="Path of the claim whose groups may be members of access groups."
    )
    oidc_role_map: Annotated[tuple[tuple[str, Role], ...], NoDecode] = Field(
        (), description="value of the claim=role, separated by commas."
    )
    oidc_acr_values: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="How strongly the provider must have asked who people are: accepted values of"
        " the claim acr, separated by commas. Empty: as it likes.",
    )
    oidc_audience: str = Field(
        "", description="Audience of access tokens for the API; empty: they are not accepted."
    )
    oidc_untyped_access_tokens: bool = Field(
        False,
        description="Whether access tokens count that state no type (RFC 9068: at+jwt), as older"
        " providers write them; the ID token of another client may look alike.",
    )
    oidc_label: str = Field("Sign in with your organisation", description="The button's words.")

    @field_validator("second_factor_roles", mode="before")
    @classmethod
    def _parse_roles(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(_role(part) for part in value.split(",") if part.strip())

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _parse_networks(cls, value: Any) -> Any:
        return networks(value)

    @field_validator("oidc_role_map", mode="before")
    @classmethod
    def _parse_role_map(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(_mapping(part) for part in value.split(",") if part.strip())

    @field_validator("oidc_acr_values", mode="before")
    @classmethod
    def _parse_acr_values(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = tuple(part.strip() for part in value.split(",") if part.strip())
        if any(len(one.split()) > 1 for one in found):
            raise ValueError("a value of acr has no blanks; write commas between them")
        return found

    @field_validator("oidc_issuer")
    @classmethod
    def _check_issuer(cls, value: str) -> str:
        loopback = ("http://127.0.0.1", "http://localhost", "http://[::1]")
        if value and not value.startswith(("https://", *loopback)):
            raise ValueError("the issuer's address begins with https://")
        return value.rstrip("/")


def _mapping(text: str) -> tuple[str, Role]:
    claimed, equals, role = text.strip().rpartition("=")
    if not equals or not claimed:
        raise ValueError(f"'{text}' is not of the form value=role")
    return claimed.strip(), _role(role)


def _role(text: str) -> Role:
    try:
        return next(iter(checked_roles([text])))
    except InvalidRequest as error:
        raise ValueError(f"{error.message} {error.remedy}") from error
