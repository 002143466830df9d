"""What a study says of its damaged instances."""

from api.studies.schemas import DamagedInstancePayload
from storage.integrity.repository import DamagedInstance


def damage_text(count: int) -> str:
    """What is added to the state of a study with damaged instances."""
    if not count:
        return ""
    if count == 1:
        return " 1 instance is damaged or lost: have it sent again."
    return f" {count} instances are damaged or lost: have them sent again."


def damaged_payload(one: DamagedInstance) -> DamagedInstancePayload:
    return DamagedInstancePayload(
        sop_instance_uid=one.sop_instance_uid,
        kind=one.kind,
        has_copy=one.has_copy,
        noticed_at=one.noticed_at,
    )
