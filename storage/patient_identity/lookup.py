"""Read changes: those in force around some patients, and whose a study is."""

from collections.abc import Collection
from dataclasses import asdict
from typing import NamedTuple

from sqlalchemy import Connection, Engine, RowMapping, case, or_, select, text, update

from storage import tables as t
from storage.db.engine import insert_or_ignore, reading
from storage.db.row_mapping import fields_of
from storage.patient_identity.entities import Patient, PatientChange
from storage.patient_identity.resolution import Changes

_LOCK = 0x6D767069
"""PostgreSQL's advisory lock of those who record a change; those who add a study share it."""


def lock_changes(connection: Connection) -> None:
    """Alone until the transaction ends: two merges at once could lead in a circle."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})


def share_changes(connection: Connection) -> None:
    """No change is recorded until the transaction ends, so that it misses no new study."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock_shared(:number)"), {"number": _LOCK})


def changes_and_patients(
    connection: Connection, patient_ids: Collection[str], study_instance_uids: Collection[str] = ()
) -> tuple[Changes, dict[str, Patient]]:
    """All changes in force around patients of these IDs and these studies; and, by study, the
    patients as they arrived whom they are about."""
    changes = changes_around(connection, patient_ids, study_instance_uids)
    found = received_patients(
        connection,
        {*patient_ids, *changes.patient_ids},
        {*study_instance_uids, *changes.moved_studies},
    )
    # What arrived under these IDs may have been moved to others, and what was moved to them has
    # an ID of its own.
    all_ids = {*patient_ids, *changes.patient_ids, *(one.patient_id for one in found.values())}
    return changes_around(connection, all_ids, found), found


def changes_around(
    connection: Connection, patient_ids: Collection[str], study_instance_uids: Collection[str] = ()
) -> Changes:
    """All in force that lead to or from patients of these IDs, however far, or move the studies."""
    c = t.patient_change.c
    in_force = c.undone_at.is_(None)
    asked = or_(
        c.patient_id.in_(set(patient_ids) - {""}),
        c.prior_patient_id.in_(set(patient_ids) - {""}),
        c.study_instance_uid.in_(study_instance_uids),
    )
    # In one statement: merges may lead from patient to patient some hundred times.
    reached = select(c.patient_id).where(asked, in_force).cte("reached", recursive=True)
    is_theirs = or_(
        c.patient_id == reached.c.patient_id, c.prior_patient_id == reached.c.patient_id
    )
    other = case((c.patient_id == reached.c.patient_id, c.prior_patient_id), else_=c.patient_id)
    reached = reached.union(
        select(c.prior_patient_id).where(asked, in_force, c.prior_patient_id != ""),
        select(other).where(is_theirs, in_force, other != ""),
    )
    # A patient named by a change was reached. An OR beside the subquery would keep PostgreSQL from
    # its indexes.
    is_reached = c.patient_id.in_(select(reached.c.patient_id))
    rows = connection.execute(
        select(t.patient_change).where(is_reached, in_force).order_by(c.id)
    ).mappings()
    return Changes(map(to_change, rows))


def received_patients(
    connection: Connection, patient_ids: Collection[str], study_instance_uids: Collection[str] = ()
) -> dict[str, Patient]:
    """By study: the patient as it arrived, of studies that arrived under these IDs or are named."""
    study, received, patient = t.study.c, t.received_patient, t.patient
    named = study.study_instance_uid.in_(study_instance_uids)
    noted = select(received).join(
        t.study, study.study_instance_uid == received.c.study_instance_uid
    )
    # Studies of former versions, which did not note it: as they are listed.
    listed = (
        select(*_PATIENT_COLUMNS, study.study_instance_uid)
        .join(t.study, study.patient_fk == patient.c.id)
        .outerjoin(received, received.c.study_instance_uid == study.study_instance_uid)
        .where(received.c.study_instance_uid.is_(None))
    )
    return {
        row["study_instance_uid"]: to_patient(row)
        # One statement for each condition: no index serves an OR of two tables.
        for query in (
            noted.where(received.c.patient_id.in_(patient_ids)),
            noted.where(named),
            listed.where(patient.c.patient_id.in_(patient_ids)),
            listed.where(named),
        )
        for row in connection.execute(query).mappings()
    }


_PATIENT_COLUMNS = (
    t.patient.c.patient_id,
    t.patient.c.issuer_of_patient_id,
    t.study.c.patient_name,
    t.study.c.patient_birth_date,
    t.study.c.patient_sex,
)


class Arrival(NamedTuple):
    """The patient of a study as it arrived, and whether a change was ever applied to it."""

    patient: Patient
    was_changed: bool


def arrival_of(connection: Connection, study_instance_uid: str) -> Arrival | None:
    """None: not noted. The note outlives a repair of the index."""
    received = t.received_patient
    query = select(received).where(received.c.study_instance_uid == study_instance_uid)
    row = connection.execute(query).mappings().first()
    return None if row is None else Arrival(to_patient(row), row["was_changed"])


def note_arrival(connection: Connection, study_instance_uid: str, arrival: Arrival) -> None:
    """What was noted of the patient before stays."""
    received = t.received_patient
    insert_or_ignore(
        connection,
        received,
        {
            "study_instance_uid": study_instance_uid,
            **asdict(arrival.patient),
            "was_changed": arrival.was_changed,
        },
    )
    if arrival.was_changed:
        connection.execute(
            update(received)
            .where(received.c.study_instance_uid == study_instance_uid)
            .values(was_changed=True)
        )


def corrected(connection: Connection, study_instance_uid: str, arrived: Patient) -> Patient:
    """Whose a study is that arrived like that, as the changes in force name it."""
    changes = changes_around(connection, [arrived.patient_id], [study_instance_uid])
    return changes.patient_of(study_instance_uid, arrived)


class CorrectedPatients:
    """Whose a study is, where that is not what its bytes say."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of_study(self, study_instance_uid: str) -> Patient | None:
        """None: as it arrived. Also stated of studies whose change was undone.

        The row of the patient is not asked: other studies share it, which came with other names.
        """
        with reading(self._engine) as connection:
            arrival = arrival_of(connection, study_instance_uid)
            if arrival is None or not arrival.was_changed:
                return None
            return corrected(connection, study_instance_uid, arrival.patient)


def to_change(row: RowMapping) -> PatientChange:
    return PatientChange(
        **{
            **fields_of(PatientChange, row),
            "applied_to": tuple(Patient(**one) for one in row["applied_to"]),
        }
    )


def to_patient(row: RowMapping) -> Patient:
    return Patient(**fields_of(Patient, row))
