"""What the addresses about second factors take and answer."""

import json
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator, model_validator

from api.base_schemas import Payload, RequestBody
from api.request_rules.text_lengths import CONDITIONS
from storage.accounts.second_factors import FactorKind, SecondFactor

_CREDENTIAL_MAX_CHARACTERS = 32_768

Credential = Annotated[dict[str, Any], Field(max_length=CONDITIONS)]
"""A PublicKeyCredential as its toJSON() writes it."""


def _checked_credential(value: Credential | None) -> Credential | None:
    if value is not None and len(json.dumps(value)) > _CREDENTIAL_MAX_CHARACTERS:
        raise ValueError(f"more than {_CREDENTIAL_MAX_CHARACTERS} characters")
    return value


class ShownFactor(RequestBody):
    """One of the three."""

    code: SecretStr | None = Field(None, max_length=32, description="Of an authenticator app.")
    recovery_code: SecretStr | None = Field(None, max_length=64)
    credential: Credential | None = Field(
        None, description="PublicKeyCredential.toJSON() of the answer to the options."
    )

    _check_size = field_validator("credential")(_checked_credential)

    @model_validator(mode="after")
    def _check_one(self) -> "ShownFactor":
        given = [self.code, self.recovery_code, self.credential]
        if sum(one is not None for one in given) != 1:
            raise ValueError("give a code, a recovery code or a credential")
        return self


class WebAuthnOptions(Payload):
    public_key: dict[str, Any] = Field(
        description="For PublicKeyCredential.parseCreationOptionsFromJSON() or"
        " parseRequestOptionsFromJSON()."
    )


class FactorPayload(Payload):
    factor_id: str
    kind: FactorKind
    label: str
    created_at: datetime
    last_used_at: datetime | None

    @classmethod
    def of(cls, factor: SecondFactor) -> "FactorPayload":
        return cls(
            factor_id=factor.factor_id,
            kind=factor.kind,
            label=factor.label,
            created_at=factor.created_at,
            last_used_at=factor.last_used_at,
        )


class OwnFactors(Payload):
    items: list[FactorPayload]
    recovery_codes_left: int
    is_required: bool = Field(description="One of your roles needs a second factor.")
    keys_work: bool = Field(
        description="Security keys work here: MEDIVIEW_PUBLIC_URL has a name and https://."
    )


class NewTotp(Payload):
    """It counts once a code of it was sent to `totp/{factor_id}`."""

    factor_id: str
    secret: str = Field(description="In base32, for who types it into an app.")
    uri: str = Field(examples=["otpauth://totp/MediViewAI:ada?secret=…&issuer=MediViewAI"])
    qr: str = Field(description="The URI as a QR code: a data: URI of an SVG image.")


class TotpCode(RequestBody):
    code: SecretStr = Field(min_length=6, max_length=32)
    label: str = Field("", max_length=60, pattern=r"^[^\x00]*$", examples=["Phone"])


class KeyRegistration(RequestBody):
    credential: Credential = Field(description="PublicKeyCredential.toJSON().")
    label: str = Field("", max_length=60, pattern=r"^[^\x00]*$", examples=["Blue key"])

    _check_size = field_validator("credential")(_checked_credential)


class Enrolled(Payload):
    recovery_codes: list[str] = Field(
        description="With the first factor ten codes, which are shown this once; else none."
    )


class RecoveryCodeList(Payload):
    recovery_codes: list[str] = Field(description="Shown this once; those before count no more.")
