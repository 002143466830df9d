"""An item of the worklist as its row has it."""

from collections.abc import Mapping
from typing import Any

from storage.core.accession_issuers import issuer_in
from storage.db.json_text import JsonText, to_json
from storage.worklist.entities import WorklistItem

WHOSE = (
    "study_instance_uid",
    "accession_number",
    "accession_number_namespace",
    "accession_number_system",
)
"""By which an item is one of a study."""


def columns_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    steps = attributes.get("ScheduledProcedureStepSequence", [])
    starts = [
        step.get("ScheduledProcedureStepStartDate", "")
        + step.get("ScheduledProcedureStepStartTime", "")
        for step in steps
    ]
    issuer = issuer_in(attributes)
    text = JsonText(to_json(dict(attributes)))
    return {
        "study_instance_uid": attributes["StudyInstanceUID"],
        "accession_number": attributes.get("AccessionNumber", ""),
        "accession_number_namespace": issuer.namespace,
        "accession_number_system": issuer.system,
        "start": min((start for start in starts if start), default=""),
        "attributes": text,
        "size_bytes": len(text),
    }


def is_renumbered(before: WorklistItem, attributes: Mapping[str, Any]) -> bool:
    """Whether these attributes state another number than the item has, or another issuer."""
    if attributes.get("AccessionNumber", "") != before.accession_number:
        return True
    return issuer_in(attributes).is_other_than(before.accession_issuer)
