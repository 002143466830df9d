"""Mail: the server that takes it, who sends it, to which domains, and what people hear of."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from storage.core.untrusted_input.host_names import HOST_NAMES, is_host_name


class MailSettings(BaseModel):
    smtp_host: str = Field("", max_length=255, description="Server for mail; empty: none is sent.")
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="starttls (587), tls (465), or none: unencrypted, and without a password.",
    )
    smtp_user: str = Field("", max_length=255, description="Empty: without signing in.")
    smtp_password: SecretStr = SecretStr("")
    smtp_ca: Path | None = Field(
        None, description="PEM: who signs the server's certificate; empty: the system's."
    )
    smtp_from: str = Field(
        "",
        max_length=254,
        pattern=r"^([^\s<>@\",;]+@[^\s<>@\",;]+)?$",
        description="Sender of mail, as in mediview@hospital.example.",
    )
    smtp_timeout_s: float = Field(
        30.0, gt=0, le=300, description="For a whole message, from the connection to its end."
    )
    mail_domains: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Domains that mail may go to, separated by commas; empty: none."
    )
    release_overdue_s: float = Field(
        14_400.0,
        gt=0,
        description="Results that wait longer for their release raise `study.release_overdue`.",
    )
    unreachable_after_s: float = Field(
        900.0,
        gt=0,
        description="A destination that is out of reach for longer raises"
        " `destination.unreachable`.",
    )
    health_after_s: float = Field(
        120.0, ge=0, description="A part that does not work for longer raises `node.*`."
    )

    @field_validator("smtp_host")
    @classmethod
    def _check_smtp_host(cls, value: str) -> str:
        if value and not is_host_name(value):
            raise ValueError(f"smtp_host is not {HOST_NAMES}")
        return value

    @field_validator("mail_domains", mode="before")
    @classmethod
    def _parse_mail_domains(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip().lower() for part in value.split(",") if part.strip())
        return value
