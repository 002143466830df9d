"""A new workitem, with its studies and its first event in one transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from storage import tables as t
from storage.db.engine import insert_or_ignore
from storage.db.json_text import JsonText, to_json
from storage.ups.dicom_json import JsonAttributes, text_of
from storage.ups.events import record, state_report
from storage.ups.rows import note_studies
from storage.ups.validation import performer_of, study_of


def add_item(
    connection: Connection, uid: str, attributes: JsonAttributes, now: datetime, **more: Any
) -> bool:
    """Add it as scheduled; False where the UID is taken. `more`: other columns of its row."""
    study_instance_uid = study_of(attributes)
    text = JsonText(to_json(attributes))
    row = {
        "sop_instance_uid": uid,
        "state": "SCHEDULED",
        "performer": performer_of(attributes),
        "transaction_uid": "",
        "job_ids": [],
        "study_instance_uid": study_instance_uid,
        "patient_id": text_of(attributes, "PatientID"),
        "attributes": text,
        "size_bytes": len(text),
        "created_at": now,
        "updated_at": now,
    }
    if not insert_or_ignore(connection, t.work_item, row | more):
        return False
    note_studies(connection, uid, study_instance_uid, attributes)
    record(connection, now, uid, study_instance_uid, state_report(attributes))
    return True
