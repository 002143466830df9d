"""Which messages were accepted, and when what they state happened.

A message that is sent again, and an event that is older than another of the same patient, must not
take back what was stated since.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, exists, or_, select, tuple_

from storage import tables as t
from storage.db.engine import insert_or_ignore
from storage.patient_identity.entities import Demographics, Origin, PatientKey, Statement
from storage.patient_identity.room import sent_by_caller

_RETENTION = timedelta(days=30)
"""Of messages after which the patient had newer ones: these make them outdated."""
_LONGEST_RETENTION = timedelta(days=365)
"""Of the newest of a patient: most were never examined here."""


def is_known(connection: Connection, origin: Origin) -> bool:
    """Whether the same message was accepted before, by whatever came of it."""
    if not origin.control_id:
        return False
    asked = (
        exists().where(
            table.c.sender == origin.sender,
            table.c.control_id == origin.control_id,
            table.c.message_digest == origin.message_digest,
        )
        for table in (t.patient_message, t.patient_change)
    )
    return bool(connection.scalar(select(or_(*asked))))


def stated_since(
    connection: Connection, statement: Statement, origin: Origin
) -> frozenset[str] | None:
    """Of an event that is older than another that was accepted of one of its patients, from
    whomever: what such events state of the patient that no change has, by its name in
    `Demographics`. None: nothing is newer, as of an event without a time.

    By the times that senders state: this node's clock may have been set back since.
    """
    if origin.event_at is None:
        return None
    c = t.patient_message.c
    query = (
        select(c.patient_id, c.issuer_of_patient_id, c.unrecorded)
        .distinct()
        .where(
            tuple_(c.patient_id, c.issuer_of_patient_id).in_(statement.keys),
            c.event_at > origin.event_at,
        )
    )
    newer = connection.execute(query).all()
    if not newer:
        return None
    return frozenset(
        name
        for patient_id, issuer, unrecorded in newer
        if (patient_id, issuer) == statement.key
        for name in unrecorded.split()
    )


def remember(
    connection: Connection,
    statements: Iterable[Statement],
    unrecorded: Iterable[Statement],
    origin: Origin,
    now: datetime,
) -> int:
    """Note that a message was accepted, for each patient of whom it states something; how many.

    `unrecorded`: its statements that no change has, because the patient is not known.
    """
    names: defaultdict[PatientKey, set[str]] = defaultdict(set)
    for one in unrecorded:
        names[one.key] |= one.demographics.stated.keys()
    c = t.patient_message.c
    event_at = _event_at(origin, now)
    control_id = origin.control_id or str(uuid.uuid4())
    keys = dict.fromkeys(
        key for one in statements if one.demographics != Demographics() for key in one.keys
    )
    for key in keys:
        connection.execute(
            delete(t.patient_message).where(
                c.patient_id == key.patient_id,
                c.issuer_of_patient_id == key.issuer_of_patient_id,
                c.event_at < event_at,
                c.received_at < now - _RETENTION,
            )
        )
        insert_or_ignore(
            connection,
            t.patient_message,
            sent_by_caller(
                {
                    "sender": origin.sender,
                    "control_id": control_id,
                    "message_digest": origin.message_digest,
                    **key._asdict(),
                    "event_at": event_at,
                    "received_at": now,
                    "unrecorded": " ".join(sorted(names[key])),
                }
            ),
        )
    return len(keys)


def forget_old(connection: Connection, now: datetime) -> None:
    """What they state is no longer compared with what comes later."""
    connection.execute(
        delete(t.patient_message).where(t.patient_message.c.received_at < now - _LONGEST_RETENTION)
    )


def _event_at(origin: Origin, now: datetime) -> datetime:
    """The clock of a sender may be ahead; nothing that is stated is of the future.

    In whole seconds, as senders state it: within one, what arrived last counts.
    """
    return min(origin.event_at or now, now).replace(microsecond=0)
