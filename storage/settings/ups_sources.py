"""Worklists of other systems whose workitems this node claims and performs (IHE AIW-I)."""

from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

PEER = "peer:"
"""Before the name of a peer that is asked by DIMSE."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class UpsSourceSettings(BaseModel):
    ups_sources: Annotated[tuple[tuple[str, str], ...], NoDecode] = Field(
        (),
        description="Worklists whose workitems for this node's pipelines are performed here, as"
        " NAME=https://ADDRESS (UPS-RS; the address is that before /workitems) or NAME=peer:PEER"
        " (DIMSE), separated by commas.",
    )
    ups_authorization: SecretStr = Field(
        SecretStr(""), description="Authorization header for these services, such as 'Bearer …'."
    )
    ups_poll_s: float = Field(
        10.0, ge=0.1, le=3600, description="Each of them is asked so often for new workitems."
    )

    @field_validator("ups_sources", mode="before")
    @classmethod
    def _parse_ups_sources(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found: dict[str, str] = {}
        for part in (one.strip() for one in value.split(",")):
            if not part:
                continue
            name, _, address = part.partition("=")
            is_named = 0 < len(name.strip()) <= 80
            if not is_named or not (_is_peer(address.strip()) or _is_service(address.strip())):
                raise ValueError(
                    f"'{part}' is no UPS-RS service and no peer; write NAME=https://ADDRESS"
                    " or NAME=peer:PEER"
                )
            if name.strip() in found:
                raise ValueError(f"two UPS-RS services or peers are named {name.strip()}")
            found[name.strip()] = address.strip().rstrip("/")
        return tuple(found.items())

    @model_validator(mode="after")
    def _check_ups_secret(self) -> Self:
        plain = [url for _, url in self.ups_sources if url.startswith("http://")]
        if self.ups_authorization.get_secret_value() and any(
            (urlsplit(one).hostname or "") not in _LOOPBACK for one in plain
        ):
            raise ValueError(
                "ups_authorization would travel unencrypted; use https:// for ups_sources"
            )
        return self


def _is_service(address: str) -> bool:
    url = urlsplit(address)
    return (
        url.scheme in ("http", "https")
        and bool(url.hostname)
        and not url.query
        and "@" not in url.netloc
    )


def _is_peer(address: str) -> bool:
    return address.startswith(PEER) and bool(address.removeprefix(PEER).strip())
