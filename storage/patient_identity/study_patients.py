"""Under which IDs the patient of a study may be named in what belongs to it."""

from collections.abc import Collection

from sqlalchemy import Connection, Engine, select

from storage import tables as t
from storage.db.engine import reading
from storage.patient_identity.entities import PatientKey
from storage.patient_identity.lookup import arrival_of


class StudyPatients:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keys_of(self, study_instance_uid: str) -> frozenset[PatientKey]:
        """As `patient_keys`."""
        with reading(self._engine) as connection:
            return patient_keys(connection, study_instance_uid)


def patient_keys(connection: Connection, study_instance_uid: str) -> frozenset[PatientKey]:
    """Whose it is now, and whose it was when it arrived: copies elsewhere say either."""
    query = (
        select(t.patient.c.patient_id, t.patient.c.issuer_of_patient_id)
        .join(t.study, t.study.c.patient_fk == t.patient.c.id)
        .where(t.study.c.study_instance_uid == study_instance_uid)
    )
    keys = {PatientKey(*row) for row in connection.execute(query)}
    arrival = arrival_of(connection, study_instance_uid)
    return frozenset(keys | {arrival.patient.key} if arrival else keys)


def is_another(stated: PatientKey, known: Collection[PatientKey]) -> bool:
    """Whether an object names a patient who is none of these.

    One that names nobody counts as of this one; an ID without an issuer may be of any.
    """
    named = stated.patient_id.strip()
    ids = [one for one in known if one.patient_id.strip()]
    return bool(named and ids) and not any(
        named == one.patient_id.strip()
        and _may_be_one(stated.issuer_of_patient_id.strip(), one.issuer_of_patient_id.strip())
        for one in ids
    )


def _may_be_one(issuer: str, other: str) -> bool:
    return not issuer or not other or issuer == other
