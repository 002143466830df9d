"""Give studies the patient that the changes in force name, in the index."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, delete, exists, or_, select, update

from storage import tables as t
from storage.core.text.text_folding import search_text
from storage.db.portions import in_portions
from storage.events.payloads import StudyEvent
from storage.events.repository import add_event
from storage.patient_identity.entities import Patient
from storage.patient_identity.links import relink
from storage.patient_identity.lookup import (
    Arrival,
    changes_and_patients,
    corrected,
    note_arrival,
    to_patient,
)
from storage.patient_identity.rows import find_or_add_patient
from storage.peers.entities import REFERRING_KINDS
from storage.prior_inputs.queue import mark_studies
from storage.reports.draft_queue import mark_report_due
from storage.reports.superseded import mark_of_other_patients


def reassign(
    connection: Connection,
    patient_ids: Collection[str],
    now: datetime,
    study_instance_uids: Collection[str] = (),
) -> list[str]:
    """Bring all studies up to date that the changes around these patients are about; which changed.

    Those of linked patients count as of somebody else where a link came or went.

    `study_instance_uids`: studies whose move was undone, which no change names any more.
    """
    changes, received = changes_and_patients(connection, patient_ids, study_instance_uids)
    wanted = {uid: changes.patient_of(uid, arrived) for uid, arrived in received.items()}
    # All are compared before the first is written: they share the rows of their patients.
    assigned = _assigned(connection, sorted(received))
    moving = {
        uid: row.patient_fk
        for uid, row in assigned.items()
        if (row.patient_digest or received[uid].digest) != wanted[uid].digest
    }
    rows = set(moving.values())
    former = {assigned[uid].person_fk for uid in moving}
    for uid in moving:
        note_arrival(connection, uid, Arrival(received[uid], was_changed=True))
        rows.add(_assign(connection, uid, wanted[uid], now))
    if moving:
        _name_rows(connection, rows)
        _write_again(connection, list(moving), now)
        connection.execute(
            delete(t.patient).where(
                t.patient.c.id.in_(rows), ~exists().where(t.study.c.patient_fk == t.patient.c.id)
            )
        )
    relinked = relink(connection, {*patient_ids, *changes.patient_ids})
    changed = list(dict.fromkeys([*moving, *relinked.study_instance_uids]))
    for uid in changed:
        if uid not in moving:
            _announce(connection, uid, now)
    if changed:
        _compare_again(connection, former | relinked.former_person_fks, changed, now)
        mark_studies(connection, changed, now)
    return changed


def reassign_all(connection: Connection, now: datetime) -> None:
    """As after each change, in an index that was made again from the volumes."""
    c = t.patient_change.c
    in_force = select(c.patient_id, c.prior_patient_id, c.study_instance_uid).where(
        c.undone_at.is_(None)
    )
    for patient_id, prior_id, study in connection.execute(in_force.order_by(c.id)).all():
        reassign(connection, {patient_id, prior_id} - {""}, now, [study] if study else [])
    # Those of which a change was undone go on stating whose they are.
    received = t.received_patient
    undone = (
        select(received)
        .join(t.study, t.study.c.study_instance_uid == received.c.study_instance_uid)
        .where(received.c.was_changed, t.study.c.patient_digest == "")
    )
    for row in connection.execute(undone).mappings().all():
        uid = row["study_instance_uid"]
        patient = corrected(connection, uid, to_patient(row))
        connection.execute(
            update(t.study)
            .where(t.study.c.study_instance_uid == uid)
            .values(patient_digest=patient.digest)
        )


class _Assigned(NamedTuple):
    patient_fk: int
    person_fk: int
    patient_digest: str


def _assigned(
    connection: Connection, study_instance_uids: Iterable[str]
) -> Mapping[str, _Assigned]:
    c = t.study.c
    return {
        uid: _Assigned(patient_fk, person_fk, digest)
        for uids in in_portions(study_instance_uids)
        for uid, patient_fk, person_fk, digest in connection.execute(
            select(c.study_instance_uid, c.patient_fk, c.person_fk, c.patient_digest)
            .where(c.study_instance_uid.in_(uids))
            .order_by(c.id)
        )
    }


def _assign(connection: Connection, study_instance_uid: str, wanted: Patient, now: datetime) -> int:
    """The row of the patient whose the study is now."""
    patient_fk = find_or_add_patient(connection, wanted, study_instance_uid)
    c = t.study.c
    of_study = c.study_instance_uid == study_instance_uid
    texts = connection.execute(select(c.study_description, c.accession_number).where(of_study))
    connection.execute(
        update(t.study)
        .where(of_study)
        .values(
            patient_fk=patient_fk,
            person_fk=patient_fk,
            patient_digest=wanted.digest,
            **wanted.columns_of_study,
            search_text=search_text(wanted.patient_name, wanted.patient_id, *texts.one()),
            updated_at=now,
        )
    )
    _announce(connection, study_instance_uid, now)
    return patient_fk


def _announce(connection: Connection, study_instance_uid: str, now: datetime) -> None:
    add_event(
        connection, now, "study", study_instance_uid, payload=StudyEvent(change="patient_changed")
    )


def _name_rows(connection: Connection, patient_fks: Iterable[int]) -> None:
    """Describe patients as the first of their studies does, as it was before the change."""
    c = t.study.c
    described = select(
        c.patient_name, c.patient_name_folded, c.patient_birth_date, c.patient_sex
    ).order_by(c.id)
    for patient_fk in sorted(patient_fks):
        first = (
            connection.execute(described.where(c.patient_fk == patient_fk).limit(1))
            .mappings()
            .first()
        )
        if first is not None:
            connection.execute(
                update(t.patient).where(t.patient.c.id == patient_fk).values(dict(first))
            )


def _write_again(connection: Connection, study_instance_uids: Iterable[str], now: datetime) -> None:
    """FHIR servers, where a document names its patient by reference, get those of the studies once
    more: they update what is there. What a sender has taken, and has read already perhaps, goes
    once more when that sender is through with it."""
    c = t.delivery.c
    servers = select(t.peer.c.name).where(t.peer.c.kind.in_(REFERRING_KINDS))
    is_sending = c.state == "SENDING"
    for uids in in_portions(study_instance_uids):
        connection.execute(
            update(t.delivery)
            .where(
                c.study_instance_uid.in_(uids),
                c.destination.in_(servers),
                # All in one statement: a sender may be through with its own meanwhile.
                or_(
                    c.state.in_(("SENDING", "SENT", "CONFIRMED")),
                    and_(c.state == "PENDING", c.sent_at.is_not(None)),
                ),
            )
            .values(
                state=case((is_sending, c.state), else_="PENDING"),
                is_outdated=is_sending,
                sent_at=case((is_sending, c.sent_at)),
                questions=case((is_sending, c.questions), else_=0),
                last_error=case((is_sending, c.last_error), else_=""),
                next_attempt_at=case((is_sending, c.next_attempt_at), else_=now),
                updated_at=now,
            )
        )


def _compare_again(
    connection: Connection, former: Iterable[int], changed: Iterable[str], now: datetime
) -> None:
    """Reports of the patients whose studies became more or fewer, and of the studies themselves;
    texts of people that cite results of another patient are marked at once."""
    uid = t.study.c.study_instance_uid
    persons = select(t.study.c.person_fk).where(uid.in_(changed))
    has_work: ColumnElement[bool] = or_(
        *(
            exists().where(table.c.study_instance_uid == uid)
            for table in (t.finding, t.lesion, t.report)
        )
    )
    due = select(uid).where(
        or_(t.study.c.person_fk.in_(former), t.study.c.person_fk.in_(persons)), has_work
    )
    studies = list(connection.execute(due).scalars())
    for study_instance_uid in studies:
        mark_report_due(connection, study_instance_uid, now)
    mark_of_other_patients(connection, studies, now)
