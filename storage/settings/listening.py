"""Addresses on which the node listens, and its names there."""

from pathlib import Path

from pydantic import BaseModel, Field


class ListeningSettings(BaseModel):
    ae_title: str = "MEDIVIEW"
    dicom_host: str = "127.0.0.1"
    dicom_port: int = Field(11112, ge=0, le=65535)
    dicom_plain: bool = Field(True, description="false: DICOM over TLS alone, no plain port.")
    dicom_tls_port: int = Field(0, ge=0, le=65535, description="0: no TLS; 2762 is registered.")
    http_host: str = "127.0.0.1"
    http_port: int = Field(8000, ge=0, le=65535)
    public_url: str = Field("", description="The node's address as a browser reaches it.")
    hsts_subdomains: bool = Field(
        False,
        description="Whether browsers ask hosts below that of public_url by HTTPS alone, too.",
    )
    trusted_network: bool = Field(
        False, description="Let DICOM, which has no sign-in, listen beyond loopback."
    )
    viewer_dir: Path | None = Field(None, description="The built viewer; empty: the one shipped.")
