"""The codes of reasons, as the API gives them beside the sentences."""

from typing import Any

from pydantic import Field

from api.base_schemas import Payload
from inference.failure_sentences import EndCode, coded_failure
from inference.reasons import ReasonCode, coded


class ReasonPartPayload(Payload):
    """One sentence of a reason: its code, and what it says, by name."""

    code: ReasonCode
    parameters: dict[str, str] = Field(examples=[{"modality": "CT", "wanted": "MR"}])


REASON_PARTS: Any = Field(
    default_factory=list,
    description="The sentences of the reason as codes with parameters, to be written in another"
    " language; empty where a part of it has no code.",
)


def reason_parts(reason: str) -> list[ReasonPartPayload]:
    """None where the reason has no code."""
    return [
        ReasonPartPayload(code=one.code, parameters=dict(one.parameters)) for one in coded(reason)
    ]


class EndPartPayload(Payload):
    """One sentence of why a job ended: its code, and what it says, by name."""

    code: EndCode
    parameters: dict[str, str] = Field(examples=[{"count": "3"}])


def end_parts(reason: str) -> list[EndPartPayload]:
    """None where a part of it has no code."""
    return [
        EndPartPayload(code=one.code, parameters=dict(one.parameters))
        for one in coded_failure(reason)
    ]
