"""Orders by FHIR: by which systems patient IDs are known."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, field_validator
from pydantic_settings import NoDecode


class FhirOrderSettings(BaseModel):
    fhir_order_patient_systems: Annotated[tuple[tuple[str, str], ...], NoDecode] = Field(
        (),
        description="Identifier systems of patient IDs in ServiceRequests, separated by commas:"
        " URI for IDs without an issuer, ISSUER=URI for others. A system that is not named is"
        " refused, since the same ID of another issuer is another patient.",
    )

    @field_validator("fhir_order_patient_systems", mode="before")
    @classmethod
    def _parse_systems(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = []
        for part in (one.strip() for one in value.split(",")):
            if not part:
                continue
            issuer, _, system = part.rpartition("=")
            if ":" not in system or len(issuer) > 64:
                raise ValueError(f"'{part}' is not a system; write URI or ISSUER=URI")
            found.append((system, issuer.strip()))
        return tuple(found)
