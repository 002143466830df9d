"""FHIRcast: whether this node is a hub, and how long it waits."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, model_validator


class FhircastSettings(BaseModel):
    fhircast: bool = Field(
        False, description="Whether this node is a FHIRcast hub, and the viewer takes part in it."
    )
    fhircast_lease_s: int = Field(
        28_800, ge=1, le=86_400, description="A subscription lasts so long at most."
    )
    fhircast_heartbeat_s: float = Field(
        10.0,
        gt=0,
        le=60,
        description="Seconds between heartbeats; who does not answer an event for as long is"
        " unsubscribed.",
    )
    fhircast_hub_url: str = Field(
        "", description="The hub of another system, which people's topics may join; empty: none."
    )
    fhircast_hub_token: SecretStr = Field(
        SecretStr(""), description="The bearer token by which the node joins that hub."
    )

    @model_validator(mode="after")
    def _check_hub(self) -> Self:
        if not self.fhircast_hub_url:
            return self
        parts = urlsplit(self.fhircast_hub_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError(
                "fhircast_hub_url is not an address as https://ris.example.org/fhircast"
            )
        if not self.fhircast:
            raise ValueError("fhircast_hub_url is set, but fhircast is false")
        return self
