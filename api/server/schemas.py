"""Whether the node works, part by part."""

from typing import Literal

from pydantic import Field

from api.base_schemas import Payload


class HealthPart(Payload):
    ok: bool
    detail: str = Field(description="What is wrong and what to do; empty when all is well.")


class Probe(Payload):
    """What a scheduler of containers asks; the status of the answer says the same."""

    status: Literal["ok", "stopping", "unavailable"]


class Health(Payload):
    """`degraded` with status 200: the node receives studies, but a part of it fails."""

    status: Literal["ok", "degraded"]
    parts: dict[str, HealthPart]
    version: str
