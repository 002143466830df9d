"""Write down one change."""

import uuid
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, insert

from storage import tables as t
from storage.patient_identity.entities import Origin, Patient, PatientKey, Statement
from storage.patient_identity.room import sent_by_caller


def insert_change(
    connection: Connection,
    news: Statement,
    applied_to: Iterable[Patient],
    origin: Origin,
    part: int,
    now: datetime,
) -> str:
    """The change's ID. `part`: which of the statements of a message it is."""
    change_id = str(uuid.uuid4())
    prior = news.prior or PatientKey("", "")
    values = {
        "change_id": change_id,
        "kind": news.kind,
        "trigger_event": origin.trigger_event,
        "sender": origin.sender,
        "control_id": origin.control_id or change_id,
        "message_digest": origin.message_digest,
        "part": part,
        **news.key._asdict(),
        "site_issuer": news.site_issuer,
        "prior_patient_id": prior.patient_id,
        "prior_issuer_of_patient_id": prior.issuer_of_patient_id,
        "study_instance_uid": news.study_instance_uid,
        **asdict(news.demographics),
        "applied_to": [asdict(one) for one in applied_to],
        "reason": origin.reason,
        "stated_by": origin.stated_by,
        "stated_by_id": origin.stated_by_id,
        "stated_at": now,
    }
    connection.execute(insert(t.patient_change).values(**sent_by_caller(values)))
    return change_id
