"""What is written down of who did what, and where it goes."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr


class AuditSettings(BaseModel):
    audit_fail_closed: bool = Field(
        False, description="Refuse an access that cannot be written into the audit trail."
    )
    audit_key: SecretStr = Field(
        SecretStr(""),
        description="Secret of the audit chain (HMAC); empty: one that the node makes, in the file"
        " audit.key of the data folder.",
    )
    audit_file: bool = Field(
        True, description="Write PS3.15 audit messages to files in <data>/audit."
    )
    audit_file_max_bytes: int = Field(64 * 1024 * 1024, ge=4096)
    audit_file_count: int = Field(20, ge=1, description="Older audit files are removed.")
    audit_syslog: str = Field(
        "",
        description="host:port of an audit repository (RFC 5424); empty: none. 6514 is TLS's port.",
    )
    audit_syslog_transport: Literal["tls", "udp"] = "tls"
    audit_syslog_ca: Path | None = Field(
        None, description="PEM: who signs the repository's certificate; empty: the system's."
    )
    audit_syslog_certificate: Path | None = Field(
        None, description="PEM: the node's own certificate and key, where the repository asks."
    )
    audit_source_id: str = Field(
        "", description="AuditSourceID of the messages; empty: the node's AE title."
    )
    audit_site_id: str = Field("", description="AuditEnterpriseSiteID of the messages.")
