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
        SecretStr(""),
        description="Authorization header for the service, such as 'Bearer …'; for several, one"
        " each in lines of NAME=HEADER.",
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

    def ups_authorization_of(self, source: str) -> str:
        """The header that one of `ups_sources` is given, and no other."""
        return self._ups_authorizations().get(source, "")

    @model_validator(mode="after")
    def _check_ups_secret(self) -> Self:
        given = self._ups_authorizations()
        for name, url in self.ups_sources:
            is_far = (urlsplit(url).hostname or "") not in _LOOPBACK
            if name in given and url.startswith("http://") and is_far:
                raise ValueError(
                    f"MEDIVIEW_UPS_AUTHORIZATION of {name} would travel unencrypted; use https://"
                    " in MEDIVIEW_UPS_SOURCES"
                )
        return self

    def _ups_authorizations(self) -> dict[str, str]:
        """By source. Raises ValueError where one header would be given to several."""
        stated = self.ups_authorization.get_secret_value().strip()
        services = [name for name, address in self.ups_sources if not _is_peer(address)]
        if not stated or not services:
            return {}
        found: dict[str, str] = {}
        for line in (one.strip() for one in stated.splitlines()):
            # Base64 at the end of a header has this sign, too, but no name of a service before it.
            name, is_named, header = (part.strip() for part in line.partition("="))
            if not line:
                continue
            if is_named and header and name in services and name not in found:
                found[name] = header
            elif len(services) == 1 and line == stated:
                return {services[0]: stated}
            else:
                raise ValueError(
                    f"MEDIVIEW_UPS_AUTHORIZATION does not say which of {len(services)} services a"
                    " header is for, and each would be given it; write a line of NAME=HEADER for"
                    f" each that needs one, with the names of MEDIVIEW_UPS_SOURCES"
                    f" ({', '.join(services)}), in a file (MEDIVIEW_SECRETS_DIR) or in quotes"
                )
        return found


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
