"""Who may associate, over which transport, and how many at once."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, field_validator
from pydantic_settings import NoDecode

from storage.settings.networks import networks

PeerAction = Literal["store", "query", "retrieve", "commit", "worklist", "reject"]


class AssociationSettings(BaseModel):
    dicom_processes: int = Field(
        0,
        ge=0,
        le=64,
        description="Receiving processes behind the one DICOM port; 0: one a core but one, at most"
        " four.",
    )
    unknown_peers: Literal["accept", "reject"] = Field(
        "accept", description="What becomes of calling AE titles that no peer is known by."
    )
    unknown_peers_may: Annotated[tuple[PeerAction, ...], NoDecode] = Field(
        ("store",),
        description="What callers that no peer is known by may ask for, beside C-ECHO: of store,"
        " query, retrieve, commit, worklist, reject, separated by commas; empty: nothing.",
    )
    check_called_ae_title: bool = Field(
        False, description="Reject associations that call another AE title than ours."
    )
    max_associations_per_peer: int = Field(
        0, ge=0, description="By calling AE title, where the peer names none; 0: no own limit."
    )
    max_associations_of_all_hosts: int = Field(
        0,
        ge=0,
        description="Of all receiving hosts together, counted in Redis; 0: each by its own limit.",
    )
    associations_per_address: int = Field(
        32,
        ge=0,
        description="DICOM connections that one address may hold without being a known peer;"
        " 0: any number.",
    )

    dicom_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Addresses and networks of load balancers that say by the PROXY protocol from"
        " where a DICOM connection comes, separated by commas.",
    )

    @field_validator("dicom_proxies", mode="before")
    @classmethod
    def _parse_proxies(cls, value: Any) -> Any:
        return networks(value)

    @field_validator("unknown_peers_may", mode="before")
    @classmethod
    def _split_actions(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(part.strip().lower() for part in value.split(",") if part.strip())

    tls_certificate: Path | None = Field(None, description="PEM: the certificate and its chain.")
    tls_key: Path | None = Field(None, description="PEM; empty: it stands in the certificate file.")
    tls_ca: Path | None = Field(
        None,
        description="PEM: who signs peers' certificates. Needed where client certificates are"
        " asked for; else empty means the system's authorities.",
    )
    tls_client_auth: Literal["none", "optional", "required"] = "required"
    tls_unbound_peers: Literal["accept", "reject"] = Field(
        "reject",
        description="Known peers that show a client certificate and name none of their own.",
    )
