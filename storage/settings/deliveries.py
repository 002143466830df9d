"""Where results go, and how often a delivery is tried."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, field_validator
from pydantic_settings import NoDecode

from storage.core.ae_titles import ALLOWED, is_title
from storage.core.errors import InvalidRequest
from storage.core.results.result_kinds import ON_REQUEST
from storage.core.untrusted_input.host_names import HOST_NAMES, is_host_name
from storage.core.untrusted_input.whole_numbers import read_whole_number


@dataclass(frozen=True)
class Destination:
    """A PACS that results are sent to by C-STORE."""

    name: str
    ae_title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Destination":
        """Read `name=AE@host:port` or `AE@host:port`; an IPv6 host stands in brackets."""
        name, equals, address = text.strip().partition("=")
        if not equals:
            name, address = "", text.strip()
        ae_title, at, socket_address = address.rpartition("@")
        host, colon, port = socket_address.rpartition(":")
        if not (at and colon and ae_title and host and 0 < (read_whole_number(port) or 0) < 65536):
            raise InvalidRequest(
                f"'{text}' is not the address of a DICOM peer.",
                remedy="Write name=AETITLE@host:port, for example pacs=ORTHANC@127.0.0.1:4242.",
            )
        if not is_host_name(host.strip("[]")):
            raise InvalidRequest(
                f"The host of '{text[:100]}' is none that could be called.",
                remedy=f"Write {HOST_NAMES}.",
            )
        if not is_title(ae_title):
            raise InvalidRequest(
                f"'{ae_title[:100]}' cannot be the AE title of a peer: it has {ALLOWED}.",
                remedy="Use the AE title that the peer is configured with.",
            )
        return cls(name or ae_title.lower(), ae_title, host.strip("[]"), int(port))


def _on_request(name: str) -> str:
    if name not in ON_REQUEST:
        raise ValueError(f"It must be one of {', '.join(ON_REQUEST)}.")
    return name


class DeliverySettings(BaseModel):
    destinations: Annotated[tuple[Destination, ...], NoDecode] = Field(
        (), description="name=AE@host:port, separated by commas."
    )
    stow_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Hosts that STOW-RS destinations may name, separated by commas."
    )
    bucket_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Hosts on which S3 buckets may be destinations, separated by commas."
    )
    fhir_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Hosts of FHIR servers that results may be written to, and of their token"
        " endpoints, separated by commas.",
    )
    sftp_known_hosts: Path | None = Field(
        None,
        description="Host keys of SFTP destinations, as OpenSSH keeps them; no other host is"
        " called. Empty: known_hosts in the data folder.",
    )
    export_dir: Path | None = Field(
        None, description="Folder destinations lie below it; empty: export in the data folder."
    )
    result_kinds: Annotated[tuple[Annotated[str, AfterValidator(_on_request)], ...], NoDecode] = (
        Field(
            (),
            description="Made of every result beside SEG and SR, also where no destination asks for"
            f" it: {', '.join(ON_REQUEST)}; separated by commas.",
        )
    )
    delivery_retry_base_s: float = Field(5.0, gt=0)
    delivery_retry_max_s: float = Field(900.0, gt=0)
    commitment_retry_base_s: float | None = Field(
        None,
        gt=0,
        description="Wait after a storage commitment report was not taken; empty: that of"
        " deliveries. It doubles with each further attempt.",
    )
    commitment_retry_max_s: float | None = Field(
        None, gt=0, description="The longest such wait; empty: that of deliveries."
    )

    @field_validator("destinations", mode="before")
    @classmethod
    def _parse_destinations(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(_parse_destination(part) for part in value.split(",") if part.strip())
        return value

    @field_validator("result_kinds", mode="before")
    @classmethod
    def _parse_kinds(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip().upper() for part in value.split(",") if part.strip())
        return value

    @field_validator("stow_hosts", "bucket_hosts", "fhir_hosts", mode="before")
    @classmethod
    def _parse_hosts(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip().lower() for part in value.split(",") if part.strip())
        return value


def _parse_destination(text: str) -> Destination:
    try:
        return Destination.parse(text)
    except InvalidRequest as error:
        raise ValueError(f"{error.message} {error.remedy}") from error
