"""What the addresses about access take and answer."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from api.base_schemas import Payload, RequestBody
from api.request_rules.text_lengths import ALL_ROLES
from storage.accounts.api_keys import ApiKey
from storage.accounts.repository import Account
from storage.accounts.second_factors import FactorKind
from storage.accounts.sessions import SignInStep
from storage.core.callers.roles import AccessScope, Role


class ProviderLink(Payload):
    label: str = Field(examples=["Sign in with your organisation"])
    href: str = Field(examples=["/api/session/oidc/start"])


class SessionInfo(Payload):
    """Who asks, and how to sign in."""

    signed_in: bool
    step: SignInStep = Field(
        "",
        description="What the sign-in still lacks: the second factor, another password than the"
        " initial one, or setting a second factor up. Until then signed_in is false.",
    )
    second_factors: list[FactorKind] = Field(
        default_factory=list, description="What may be shown in the step second_factor."
    )
    kind: Literal["local", "account", "key", "oidc"] | None = Field(
        None, description="local: this node runs without sign-in."
    )
    name: str = ""
    roles: list[Role] = Field(default_factory=list)
    csrf_token: str = Field(
        "", description="Send it as X-CSRF-Token with every POST, PUT, PATCH and DELETE."
    )
    provider: ProviderLink | None = None
    dictation: Literal["off", "device", "browser"] = Field(
        "off",
        description="Whether the pages take dictation, as `MEDIVIEW_BROWSER_DICTATION` allows it.",
    )


class Credentials(RequestBody):
    name: str = Field(min_length=1, max_length=255, examples=["ada"])
    password: SecretStr = Field(min_length=1, max_length=1024)


class SignedOut(Payload):
    redirect: str = Field("", description="Where the provider ends its own session; may be empty.")


class Confirmation(RequestBody):
    password: SecretStr = Field(min_length=1, max_length=1024)


class PasswordChange(RequestBody):
    current_password: SecretStr = Field(min_length=1, max_length=1024)
    new_password: SecretStr = Field(min_length=1, max_length=1024)


class UserPayload(Payload):
    name: str
    roles: list[Role]
    disabled: bool
    person_name: str = Field(description="Empty where it was not entered.")
    created_at: datetime
    password_changed_at: datetime
    last_sign_in_at: datetime | None
    must_change_password: bool = Field(description="Somebody else has set the password.")
    has_second_factor: bool

    @classmethod
    def of(cls, account: Account, has_second_factor: bool) -> "UserPayload":
        return cls(
            name=account.name,
            roles=sorted(account.roles),
            disabled=account.disabled,
            person_name=account.person_name,
            created_at=account.created_at,
            password_changed_at=account.password_changed_at,
            last_sign_in_at=account.last_sign_in_at,
            must_change_password=account.must_change_password,
            has_second_factor=has_second_factor,
        )


class Users(Payload):
    items: list[UserPayload]


_PERSON_NAME = (
    "`Family^Given^Middle^Prefix^Suffix`, as it stands in what the person signs; empty: there"
    " stands the account's name."
)


class NewUser(RequestBody):
    name: str = Field(min_length=1, max_length=80, examples=["ada"])
    password: SecretStr = Field(min_length=1, max_length=1024)
    roles: list[Role] = Field(min_length=1, max_length=ALL_ROLES)
    person_name: str | None = Field(
        None, max_length=64, description=_PERSON_NAME, examples=["Doe^Jane^^Dr."]
    )


class UserChange(RequestBody):
    """What is left out stays as it is."""

    roles: list[Role] | None = Field(None, min_length=1, max_length=ALL_ROLES)
    disabled: bool | None = None
    person_name: str | None = Field(None, max_length=64, description=_PERSON_NAME)
    password: SecretStr | None = Field(None, min_length=1, max_length=1024)


class KeyPayload(Payload):
    key_id: str
    name: str
    roles: list[Role]
    scopes: list[AccessScope]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> "KeyPayload":
        return cls(
            key_id=key.key_id,
            name=key.name,
            roles=sorted(key.roles),
            scopes=sorted(key.scopes),
            created_by=key.created_by,
            created_at=key.created_at,
            expires_at=key.expires_at,
            last_used_at=key.last_used_at,
            revoked_at=key.revoked_at,
        )


class Keys(Payload):
    items: list[KeyPayload]


class NewKey(RequestBody):
    name: str = Field(min_length=1, max_length=80, examples=["ris"])
    roles: list[Role] = Field(min_length=1, max_length=ALL_ROLES)
    scopes: Annotated[list[AccessScope], Field(min_length=1, max_length=ALL_ROLES)] | None = Field(
        None, description="Left out: all that the roles allow."
    )
    expires_in_days: int | None = Field(90, ge=1, le=3650, description="null: never.")


class MadeKey(Payload):
    key: KeyPayload
    secret: str = Field(description="Shown this once: 'Authorization: Bearer <secret>'.")
