"""Whether the node works, part by part."""

from typing import Literal, Self

from pydantic import Field

from api.base_schemas import Payload
from api.server.health_sentences import HealthCode, coded


class DetailPart(Payload):
    """One sentence of a detail: its code, and what it says, by name."""

    code: HealthCode
    parameters: dict[str, str] = Field(examples=[{"folder": "/data", "free": "300"}])


class HealthPart(Payload):
    ok: bool
    detail: str = Field(description="What is wrong and what to do; empty when all is well.")
    detail_parts: list[DetailPart] = Field(
        default_factory=list,
        description="The sentences of the detail as codes with parameters, to be written in another"
        " language; empty where a part of it has no code.",
    )

    def with_codes(self) -> Self:
        found = [
            DetailPart(code=one.code, parameters=dict(one.parameters)) for one in coded(self.detail)
        ]
        return self.model_copy(update={"detail_parts": found})


class Probe(Payload):
    """What a scheduler of containers asks; the status of the answer says the same."""

    status: Literal["ok", "stopping", "unavailable"]


class Health(Payload):
    """`degraded` with status 200: the node receives studies, but a part of it fails."""

    status: Literal["ok", "degraded"]
    parts: dict[str, HealthPart]
    version: str
