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
from storage.patient_identity.lookup import (
    Arrival,
    arrival_of,
    corrected,
    note_arrival,
    share_changes,
)
from storage.patient_identity.same_person import Person


class AssignedPatient(NamedTuple):
    row_id: int
    patient: Patient
    digest: str
    """For the study's row; empty where the patient is as it arrived."""


def patient_of_new_study(connection: Connection, header: Header) -> AssignedPatient:
    """The patient of a study that is added now, as the changes in force name it."""
    share_changes(connection)
    uid = header.study_instance_uid
    noted = arrival_of(connection, uid)
    arrived = Patient.of(header) if noted is None else noted.patient
    wanted = corrected(connection, uid, arrived)
    was_changed = wanted != arrived or (noted is not None and noted.was_changed)
    note_arrival(connection, uid, Arrival(arrived, was_changed))
    digest = wanted.digest if was_changed else ""
    return AssignedPatient(find_or_add_patient(connection, wanted, uid), wanted, digest)


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
