"""Settings: read once from the environment and `.env`, frozen, handed down."""

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from storage.errors import InvalidRequest

MIB = 1024 * 1024
_AE_TITLE_MAX_LENGTH = 16


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
        if not (at and colon and ae_title and host and port.isdigit() and 0 < int(port) < 65536):
            raise InvalidRequest(
                f"'{text}' is not the address of a DICOM peer.",
                remedy="Write name=AETITLE@host:port, for example pacs=ORTHANC@127.0.0.1:4242.",
            )
        if len(ae_title) > _AE_TITLE_MAX_LENGTH:
            raise InvalidRequest(
                f"The AE title '{ae_title}' has {len(ae_title)} characters; DICOM allows 16.",
                remedy="Use the AE title that the peer is configured with.",
            )
        return cls(name or ae_title.lower(), ae_title, host.strip("[]"), int(port))


class Settings(BaseSettings):
    """Everything that an operator may set; each has an embedded default."""

    model_config = SettingsConfigDict(
        env_prefix="MEDIVIEW_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        env_ignore_empty=True,
    )

    # Where things are kept
    data_dir: Path = Field(Path("mediview-data"), description="Folder of everything kept locally.")
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite in the data folder.")
    broker_url: str = Field("", description="redis://…; empty: files in the data folder.")
    object_store: Literal["filesystem", "s3"] = "filesystem"
    s3_endpoint_url: str = ""
    s3_public_endpoint_url: str = Field(
        "", description="The endpoint as browsers reach it, when it differs."
    )
    s3_bucket: str = "mediview"
    s3_access_key_id: str = ""
    s3_secret_access_key: SecretStr = SecretStr("")
    s3_region: str = "us-east-1"
    s3_layout: Literal["instances", "volumes"] = Field(
        "instances", description="One object an instance, or whole volumes."
    )

    # Where things listen
    ae_title: str = "MEDIVIEW"
    dicom_host: str = "127.0.0.1"
    dicom_port: int = Field(11112, ge=0, le=65535)
    dicom_tls_port: int = Field(0, ge=0, le=65535, description="0: no TLS; 2762 is registered.")
    http_host: str = "127.0.0.1"
    http_port: int = Field(8000, ge=0, le=65535)
    public_url: str = Field("", description="The node's address as a browser reaches it.")
    trusted_network: bool = Field(
        False, description="Allow listening beyond loopback although there is no sign-in yet."
    )
    viewer_dir: Path | None = Field(None, description="The built viewer; empty: the one shipped.")

    # Who may associate
    unknown_peers: Literal["accept", "reject"] = Field(
        "accept", description="What becomes of calling AE titles that no peer is known by."
    )
    check_called_ae_title: bool = Field(
        False, description="Reject associations that call another AE title than ours."
    )
    max_associations_per_peer: int = Field(
        0, ge=0, description="By calling AE title, where the peer names none; 0: no own limit."
    )
    tls_certificate: Path | None = Field(None, description="PEM: the certificate and its chain.")
    tls_key: Path | None = Field(None, description="PEM; empty: it stands in the certificate file.")
    tls_ca: Path | None = Field(
        None, description="PEM: who signs peers' certificates; empty: the system's authorities."
    )
    tls_client_auth: Literal["none", "optional", "required"] = "required"

    # Where results go
    destinations: Annotated[tuple[Destination, ...], NoDecode] = Field(
        (), description="name=AE@host:port, separated by commas."
    )
    stow_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Hosts that STOW-RS destinations may name, separated by commas."
    )
    export_dir: Path | None = Field(
        None, description="Folder destinations lie below it; empty: export in the data folder."
    )
    delivery_retry_base_s: float = Field(5.0, gt=0)
    delivery_retry_max_s: float = Field(900.0, gt=0)

    # When work happens
    series_quiet_s: float = Field(5.0, gt=0, description="Quiet time that completes a series.")
    series_forced_s: float = Field(
        3600.0, gt=0, description="A series still growing after this is taken as complete."
    )
    job_lease_s: float = Field(20.0, gt=0)
    job_max_attempts: int = Field(3, ge=1)
    analyze_timeout_s: float = Field(300.0, gt=0)
    tick_s: float = Field(1.0, gt=0)
    torch_threads: int = Field(0, ge=0, description="0 leaves the choice to torch.")

    # Limits
    volume_size_bytes: int = Field(256 * MIB, ge=1 * MIB)
    free_disk_mark_bytes: int = Field(512 * MIB, ge=0)
    volume_cache_bytes: int = Field(
        0, ge=0, description="With S3: local volumes beyond this go once they are in the bucket."
    )
    spool_max_bytes: int = Field(
        0, ge=0, description="With S3: take nothing more while this much waits for the bucket."
    )
    compact_dead_ratio: float = Field(
        0.5, gt=0, le=1, description="Rewrite volumes of which this part was deleted."
    )
    compact_interval_s: float = Field(3600.0, gt=0)
    volume_grace_s: float = Field(
        300.0, ge=0, description="How long a rewritten volume stays for those who still read it."
    )
    max_instance_bytes: int = Field(4096 * MIB, ge=1)
    max_associations: int = Field(64, ge=1)
    association_idle_timeout_s: float = Field(60.0, gt=0)
    upload_max_bytes: int = Field(2048 * MIB, ge=1)
    upload_url_expiry_s: int = Field(900, ge=1)
    zip_max_entries: int = Field(20_000, ge=1)
    zip_max_ratio: int = Field(200, ge=1)

    # Models by setting; without one the node says so
    hf_img_cls_model: str = Field(
        "", validation_alias="HF_IMG_CLS_MODEL", description="Local folder or hub id."
    )

    # What is written down
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("destinations", mode="before")
    @classmethod
    def _parse_destinations(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(_parse_destination(part) for part in value.split(",") if part.strip())
        return value

    @field_validator("stow_hosts", mode="before")
    @classmethod
    def _parse_hosts(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip().lower() for part in value.split(",") if part.strip())
        return value

    @field_validator("ae_title")
    @classmethod
    def _check_ae_title(cls, value: str) -> str:
        if not 1 <= len(value.strip()) <= _AE_TITLE_MAX_LENGTH or "\\" in value:
            raise ValueError("an AE title has 1 to 16 characters and no backslash (PS3.5 6.2)")
        return value.strip()

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        names = [destination.name for destination in self.destinations]
        if len(set(names)) < len(names):
            raise ValueError(f"two destinations share a name: {', '.join(sorted(names))}")
        if self.object_store == "s3" and not self.s3_bucket:
            raise ValueError("object_store is s3, but s3_bucket is empty")
        if self.dicom_tls_port and self.tls_certificate is None:
            raise ValueError("dicom_tls_port is set, but tls_certificate is empty")
        return self

    @property
    def resolved_database_url(self) -> str:
        if self.database_url:
            # A plain postgresql:// would ask for psycopg2, which is not what the node ships.
            return self.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
        return f"sqlite:///{self.data_dir.absolute() / 'index.sqlite3'}"

    @property
    def resolved_export_dir(self) -> Path:
        return self.export_dir or self.data_dir / "export"

    @property
    def resolved_public_url(self) -> str:
        if self.public_url:
            return self.public_url.rstrip("/")
        host = self.http_host if self.http_host not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.http_port}"

    def check_binding(self, host: str, what: str) -> None:
        """Refuse to listen beyond loopback unless the operator trusts the network."""
        if self.trusted_network or is_loopback(host):
            return
        raise InvalidRequest(
            f"{what} would listen on {host}, where other machines can reach it,"
            " and the node has no sign-in yet.",
            remedy="Listen on 127.0.0.1, or set MEDIVIEW_TRUSTED_NETWORK=true"
            " when everyone who reaches that address may see every patient.",
        )


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _parse_destination(text: str) -> Destination:
    try:
        return Destination.parse(text)
    except InvalidRequest as error:
        raise ValueError(f"{error.message} {error.remedy}") from error


def load_settings(**overrides: Any) -> Settings:
    """Settings from overrides, environment and `.env`, in that order of precedence."""
    settings = Settings(**overrides)
    if settings.hf_img_cls_model:
        # Model folders are looked up by the worker, whose working directory may differ.
        folder = Path(settings.hf_img_cls_model).expanduser()
        if folder.is_dir():
            settings = settings.model_copy(update={"hf_img_cls_model": os.fspath(folder.resolve())})
    return settings
