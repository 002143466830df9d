"""The HTTP server: processes, connections, other origins."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator
from pydantic_settings import NoDecode

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?|[0-9a-f:.]+")
"""Nothing that would mean more within a header than a host: no `*`, `;` or space."""


class ServerSettings(BaseModel):
    http_processes: int = Field(
        0, ge=0, le=256, description="Processes of the HTTP server; 0: one a core, at most eight."
    )
    connections_per_address: int = Field(
        256,
        ge=0,
        description="HTTP connections that one address may hold to each process; 0: any number."
        " Trusted proxies are not counted.",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Origins whose pages may use the node, separated by commas; empty: none.",
    )
    frame_ancestors: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Origins whose pages may show the viewer in a frame, separated by commas;"
        " empty: none.",
    )

    @field_validator("cors_origins", "frame_ancestors", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        return value.split(",") if isinstance(value, str) else value

    @field_validator("cors_origins", "frame_ancestors")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_origin(text.strip()) for text in value if text.strip())


def _origin(text: str) -> str:
    """As a browser writes it (RFC 6454 6.1): lower case, without a default port."""
    refusal = f"{text!r} is not an origin; write it as https://viewer.example.org"
    try:
        parts = urlsplit(text.lower().rstrip("/"))
        port = parts.port
    except ValueError:
        raise ValueError(refusal) from None
    is_bare = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    if (
        parts.scheme not in _DEFAULT_PORTS
        or not is_bare
        or not parts.hostname
        or not _HOST.fullmatch(parts.hostname)
    ):
        raise ValueError(refusal)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if port in (None, _DEFAULT_PORTS[parts.scheme]):
        return f"{parts.scheme}://{host}"
    return f"{parts.scheme}://{host}:{port}"
