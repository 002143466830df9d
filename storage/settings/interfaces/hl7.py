"""HL7 v2: the listener, the systems that reports are sent to, and how often that is tried."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator
from pydantic_settings import NoDecode

from storage.core.callers.certificate_bindings import checked_binding
from storage.core.errors import InvalidRequest
from storage.core.untrusted_input.host_names import HOST_NAMES, is_host_name
from storage.settings.networks import networks


@dataclass(frozen=True)
class Hl7Destination:
    """A system that reports are sent to by HL7 v2 over MLLP."""

    name: str
    host: str
    port: int
    tls: bool = False

    @classmethod
    def parse(cls, text: str) -> "Hl7Destination":
        """Read `ris=mllp://host:2575` or, over TLS, `ris=mllps://host:2575`."""
        name, equals, address = text.strip().partition("=")
        try:
            url = urlsplit(address.strip())
            port = url.port
        except ValueError:
            url, port = urlsplit(""), None
        if not equals or url.scheme not in ("mllp", "mllps") or not url.hostname or not port:
            raise ValueError(
                f"'{text}' is not an HL7 destination; write name=mllp://host:port, or mllps://"
                " for TLS"
            )
        if not is_host_name(url.hostname):
            raise ValueError(f"the host of the HL7 destination '{name}' is not {HOST_NAMES}")
        return cls(name.strip(), url.hostname, port, url.scheme == "mllps")


class Hl7Settings(BaseModel):
    hl7_destinations: Annotated[tuple[Hl7Destination, ...], NoDecode] = Field(
        (), description="name=mllp://host:port or mllps://, separated by commas."
    )
    hl7_port: int = Field(0, ge=0, le=65535, description="0: no HL7 listener; 2575 is registered.")
    hl7_host: str = "127.0.0.1"
    hl7_tls: bool = Field(False, description="Listen over TLS, with the node's certificate.")
    hl7_certificates: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Over TLS, whose orders are taken: sha256:FINGERPRINT, dns:NAME, ip:ADDRESS,"
        " separated by commas; empty: everybody with a certificate of MEDIVIEW_TLS_CA.",
    )
    hl7_senders: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Addresses and networks whose connections no stranger takes, separated by"
        " commas. It keeps nobody out: MEDIVIEW_HL7_ALLOWED_NETWORKS does.",
    )
    hl7_allowed_networks: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Addresses and networks that may connect to the listener, separated by commas:"
        " all others are refused; empty: everybody who reaches it.",
    )
    hl7_processing_ids: Annotated[tuple[str, ...], NoDecode] = Field(
        ("P",),
        min_length=1,
        description="MSH-11 of the messages that are taken, of P (production), T (training) and D"
        " (debugging), separated by commas: others are answered AR.",
    )
    patient_id_issuer: str = Field(
        "",
        max_length=64,
        description="Who issued the patient IDs that come without an issuer, as PID-3.4 names it.",
    )
    hl7_application: str = Field("MEDIVIEW", max_length=60, description="MSH-3 of what we send.")
    hl7_facility: str = Field("", max_length=60, description="MSH-4 of what we send.")
    hl7_encoding: Literal["UNICODE UTF-8", "8859/1"] = "UNICODE UTF-8"
    hl7_timeout_s: float = Field(30.0, gt=0, le=300, description="To wait for an answer.")
    hl7_retry_base_s: float | None = Field(
        None, gt=0, description="Wait after the first failed attempt; empty: that of deliveries."
    )
    hl7_retry_max_s: float | None = Field(
        None, gt=0, description="The longest wait; empty: that of deliveries."
    )
    hl7_max_attempts: int = Field(
        20, ge=1, description="Then it has failed, until somebody retries it."
    )
    hl7_ca: Path | None = Field(None, description="PEM: who signs the certificates of mllps peers.")

    @field_validator("hl7_certificates", mode="before")
    @classmethod
    def _parse_hl7_certificates(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        parts = [part for part in value.split(",") if part.strip()]
        if not parts:
            return ()
        try:
            return tuple(checked_binding(part) for part in parts)
        except InvalidRequest as error:
            raise ValueError(f"{error.message} {error.remedy}") from error

    @field_validator("hl7_senders", "hl7_allowed_networks", mode="before")
    @classmethod
    def _parse_hl7_networks(cls, value: Any) -> Any:
        return networks(value)

    @field_validator("hl7_processing_ids", mode="before")
    @classmethod
    def _parse_hl7_processing_ids(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        ids = tuple(dict.fromkeys(one.strip().upper() for one in value.split(",") if one.strip()))
        wrong = [one for one in ids if one not in ("P", "T", "D")]
        if wrong:
            raise ValueError(f"'{wrong[0]}' is not a processing id; use P, T or D")
        return ids

    @field_validator("hl7_destinations", mode="before")
    @classmethod
    def _parse_hl7_destinations(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(Hl7Destination.parse(part) for part in value.split(",") if part.strip())
        return value
