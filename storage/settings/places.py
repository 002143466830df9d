"""Where things are kept, and where they listen."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr


class KeepingSettings(BaseModel):
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
    s3_redirect: Literal["never", "asked", "always"] = Field(
        "asked",
        description="Send who retrieves an instance to the bucket itself: where the request has"
        " 'Prefer: redirect', always, or never.",
    )


class ListeningSettings(BaseModel):
    ae_title: str = "MEDIVIEW"
    dicom_host: str = "127.0.0.1"
    dicom_port: int = Field(11112, ge=0, le=65535)
    dicom_plain: bool = Field(True, description="false: DICOM over TLS alone, no plain port.")
    dicom_tls_port: int = Field(0, ge=0, le=65535, description="0: no TLS; 2762 is registered.")
    http_host: str = "127.0.0.1"
    http_port: int = Field(8000, ge=0, le=65535)
    public_url: str = Field("", description="The node's address as a browser reaches it.")
    trusted_network: bool = Field(
        False, description="Let DICOM, which has no sign-in, listen beyond loopback."
    )
    viewer_dir: Path | None = Field(None, description="The built viewer; empty: the one shipped.")
