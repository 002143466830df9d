"""Whether the node works, part by part."""

from typing import Literal

from pydantic import Field

from api.base_schemas import Payload


class HealthPart(Payload):
    ok: bool
    detail: str = Field(description="What is wrong and what to do; empty when all is well.")


class Health(Payload):
    """`degraded` with status 200: the node takes studies, but not every part works."""

    status: Literal["ok", "degraded"]
    parts: dict[str, HealthPart]
    version: str
