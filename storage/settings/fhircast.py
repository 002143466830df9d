"""FHIRcast: whether this node is a hub, and how long it waits."""

from pydantic import BaseModel, Field


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
