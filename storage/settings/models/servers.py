"""Servers that compute models for this node: their addresses, keys and limits."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, field_validator
from pydantic_settings import NoDecode

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_MIB = 1024 * 1024


@dataclass(frozen=True)
class NamedValue:
    """`name=value` of a setting."""

    name: str
    value: str

    @classmethod
    def parse(cls, text: str) -> "NamedValue":
        name, equals, value = text.strip().partition("=")
        if not equals or not _NAME.fullmatch(name) or not value.strip():
            raise ValueError(
                f"'{name}' is not of the form name=value; a name has small letters, digits and"
                " hyphens"
            )
        return cls(name, value.strip())


class ModelServerSettings(BaseModel):
    """Only the servers that are named here are ever called; cards and other settings name one."""

    model_servers: Annotated[tuple[NamedValue, ...], NoDecode] = Field(
        (),
        description="name=https://host:port/path or name=grpcs://host:port of servers that compute"
        " models, separated by commas; empty: none.",
    )
    model_server_keys: Annotated[tuple[NamedValue, ...], NoDecode] = Field(
        (),
        description="name=file with the key that a server asks for (Bearer), separated by commas.",
    )
    model_server_ca: Path | None = Field(
        None, description="PEM: who signs the servers' certificates; empty: the system's."
    )
    model_server_connect_s: float = Field(5.0, gt=0, description="Wait for a connection.")
    model_server_answer_s: float = Field(
        60.0, gt=0, description="Wait for the first part of an answer, and for each further one."
    )
    model_server_total_s: float = Field(
        600.0, gt=0, description="An answer takes no longer in all."
    )
    model_server_max_bytes: int = Field(
        1024 * _MIB, ge=_MIB, description="An answer with tensors is not larger."
    )
    model_server_at_once: int = Field(
        4, ge=1, le=64, description="Requests that one server has from this node at a time."
    )
    model_server_failures: int = Field(
        3, ge=1, description="After so many failures in a row a server is left alone for a while."
    )
    model_server_retry_base_s: float = Field(
        30.0, gt=0, description="That while; it doubles with each further failure."
    )
    model_server_retry_max_s: float = Field(600.0, gt=0, description="The longest such while.")
    model_server_report_images: bool = Field(
        False, description="Report models of a server are given an image besides the findings."
    )

    @field_validator("model_servers", "model_server_keys", mode="before")
    @classmethod
    def _parse_named(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        named = tuple(NamedValue.parse(part) for part in value.split(",") if part.strip())
        names = [one.name for one in named]
        if len(set(names)) < len(names):
            raise ValueError(f"two servers share a name: {', '.join(sorted(names))}")
        return named
