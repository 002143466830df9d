"""SMART App Launch: which systems open the viewer, and what their people may do here."""

from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class SmartSettings(BaseModel):
    smart_servers: Annotated[tuple[tuple[str, str], ...], NoDecode] = Field(
        (),
        description="FHIR servers whose systems may open the viewer by SMART App Launch:"
        " https://ADDRESS=CLIENT_ID, separated by commas. A launch that names another is refused.",
    )
    smart_client_secret: SecretStr = Field(
        SecretStr(""),
        description="Of a confidential client of one server; empty: PKCE alone, as a public one.",
    )
    smart_role: Literal["", "viewer", "radiologist"] = Field(
        "",
        description="The role of people whose claims name none (MEDIVIEW_OIDC_ROLES_CLAIM); empty:"
        " they are not signed in.",
    )

    @field_validator("smart_servers", mode="before")
    @classmethod
    def _parse_smart_servers(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = []
        for part in (one.strip() for one in value.split(",")):
            if not part:
                continue
            address, _, client_id = part.rpartition("=")
            url = urlsplit(address)
            is_safe = url.scheme == "https" or (
                url.scheme == "http" and (url.hostname or "") in _LOOPBACK
            )
            if not (is_safe and url.hostname and client_id) or url.query or "@" in url.netloc:
                raise ValueError(
                    f"'{part}' is no server of SMART App Launch; write https://ADDRESS=CLIENT_ID"
                )
            found.append((address.rstrip("/"), client_id.strip()))
        return tuple(found)

    @model_validator(mode="after")
    def _check_secret_of_one_server(self) -> Self:
        if self.smart_client_secret.get_secret_value() and len(self.smart_servers) > 1:
            raise ValueError(
                f"MEDIVIEW_SMART_CLIENT_SECRET is of one server, and {len(self.smart_servers)} are"
                " listed, of which each would be given it; register as a public client with all"
                " (PKCE alone) and leave it empty, or list one server"
            )
        return self
