"""Rows of patients: one for an ID and issuer, as far as it is one person."""

import hashlib
from dataclasses import asdict
from typing import NamedTuple

from sqlalchemy import Connection, select

from storage import tables as t
from storage.db.engine import insert_or_ignore
from storage.db.find_or_add import find_or_add
from storage.dicom.part10 import Header
from storage.patient_identity.entities import Patient
from storage.patient_identity.links import has_links, persons_of, relink
from storage.patient_identity.lookup import (
    Arrival,
    arrival_of,
    changes_around,
    lock_changes,
    note_arrival,
    share_changes,
)
from storage.patient_identity.resolution import Changes
from storage.patient_identity.same_person import Person


class AssignedPatient(NamedTuple):
    row_id: int
    person_id: int
    """The row by which linked patients are counted."""
    patient: Patient
    digest: str
    """For the study's row; empty where the patient is as it arrived."""


def patient_of_new_study(connection: Connection, header: Header) -> AssignedPatient:
    """The patient of a study that is added now, as the changes in force name it."""
    uid = header.study_instance_uid
    is_linked = has_links(connection, header.text("PatientID"))
    # Of two IDs that are linked the first studies may come at once.
    (lock_changes if is_linked else share_changes)(connection)
    noted = arrival_of(connection, uid)
    arrived = Patient.of(header) if noted is None else noted.patient
    changes = changes_around(connection, [arrived.patient_id], [uid])
    wanted = changes.patient_of(uid, arrived)
    was_changed = wanted != arrived or (noted is not None and noted.was_changed)
    note_arrival(connection, uid, Arrival(arrived, was_changed))
    digest = wanted.digest if was_changed else ""
    row_id = find_or_add_patient(connection, wanted, uid)
    person_id = _person_of(connection, row_id, wanted, changes)
    return AssignedPatient(row_id, person_id, wanted, digest)


def _person_of(connection: Connection, row_id: int, wanted: Patient, changes: Changes) -> int:
    if not changes.links:
        return row_id
    patient_ids = {*changes.patient_ids, wanted.patient_id}
    # A new row may separate those that were one before.
    relink(connection, patient_ids)
    return persons_of(connection, changes, patient_ids).get(row_id, row_id)


def find_or_add_patient(connection: Connection, patient: Patient, study_instance_uid: str) -> int:
    """The patient's row: of the same ID and issuer, and of the same person as far as one knows."""
    person = patient.person
    values = {**asdict(patient), "patient_name_folded": person.name_folded}
    if not patient.patient_id:
        # Studies without a patient ID must not end up under one and the same patient.
        key = _key("", "", study_instance_uid)
        return find_or_add(connection, t.patient, {"patient_key": key}, values)[0]
    issuer, patient_id = patient.issuer_of_patient_id, patient.patient_id
    found = _same_person(connection, patient_id, issuer, person)
    if found is not None:
        return found
    added = insert_or_ignore(
        connection, t.patient, {"patient_key": _key(issuer, patient_id), **values}
    )
    if added:
        found = _same_person(connection, patient_id, issuer, person)
        if found is not None:
            return found
    # Somebody else has the ID.
    key = _key(issuer, patient_id, person.name_folded, person.birth_date, person.sex)
    return find_or_add(connection, t.patient, {"patient_key": key}, values)[0]


def _key(*identity: str) -> str:
    return hashlib.sha256("\x1f".join(identity).encode()).hexdigest()


def _same_person(
    connection: Connection, patient_id: str, issuer: str, person: Person
) -> int | None:
    columns = t.patient.c
    rows = connection.execute(
        select(
            columns.id, columns.patient_name_folded, columns.patient_birth_date, columns.patient_sex
        )
        .where(columns.patient_id == patient_id, columns.issuer_of_patient_id == issuer)
        .order_by(columns.id)
    )
    for row_id, name_folded, birth_date, sex in rows:
        if person.may_be(Person(name_folded, birth_date, sex)):
            return int(row_id)
    return None
