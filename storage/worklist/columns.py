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
    """Whether by these attributes the item may be of orders that it was not of before: its number
    is another one, its issuer is, or its issuer is stated no more."""
    if attributes.get("AccessionNumber", "") != before.accession_number:
        return True
    issuer, was = issuer_in(attributes), before.accession_issuer
    return issuer.is_other_than(was) or not issuer.states_all_of(was)
