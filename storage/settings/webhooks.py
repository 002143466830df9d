"""Webhooks: which hosts they may name, and how they are retried."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, field_validator
from pydantic_settings import NoDecode


class WebhookSettings(BaseModel):
    webhook_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Hosts that webhooks may name, separated by commas; empty: none."
    )
    webhook_timeout_s: float = Field(10.0, gt=0, le=60)
    webhook_retry_base_s: float = Field(5.0, gt=0)
    webhook_retry_max_s: float = Field(3600.0, gt=0)
    webhook_max_attempts: int = Field(12, ge=1)
    webhook_give_up_s: float = Field(
        86_400.0, gt=0, description="A notice older than this is not tried again after a failure."
    )

    fhir_subscription_content: Literal["id-only", "full-resource"] = Field(
        "id-only",
        description="What notifications of FHIR subscriptions may carry at most: references, or"
        " whole resources, which name patients.",
    )

    @field_validator("webhook_hosts", mode="before")
    @classmethod
    def _parse_webhook_hosts(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip().lower() for part in value.split(",") if part.strip())
        return value
