"""Where traces of studies go: a collector of OpenTelemetry."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator


class TraceSettings(BaseModel):
    traces_url: str = Field(
        "",
        description="Collector of OpenTelemetry that takes traces by OTLP over HTTP, such as"
        " http://localhost:4318/v1/traces; empty: none are made.",
    )
    traces_authorization: SecretStr = Field(
        SecretStr(""), description="The header Authorization of these requests, if it wants one."
    )

    @field_validator("traces_url")
    @classmethod
    def _check_traces_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and not (parts.scheme in ("http", "https") and parts.hostname):
            raise ValueError(
                "traces_url is not an address of HTTP: write http://HOST:4318/v1/traces, or https"
            )
        if parts.username or parts.password:
            raise ValueError("traces_url holds a password: put it into traces_authorization")
        return value

    @model_validator(mode="after")
    def _check_traces_authorization(self) -> Self:
        if self.traces_authorization.get_secret_value() and not self.traces_url:
            raise ValueError("traces_authorization is set, but traces_url is empty")
        return self
