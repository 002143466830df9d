"""Of which study of this node an event is, by which access groups it is shown or not."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, select

from storage import tables as t
from storage.core.accession_issuers import AccessionIssuer
from storage.core.callers.visibility import EVERYONE
from storage.core.text.dicom_values import dicom_date
from storage.db.study_memberships import counts
from storage.fhircast.messages import CastMessage, Json

SEVERAL_STUDIES = "2.25.0"
"""In place of a Study Instance UID: of studies that nobody sees together but who sees all."""
_MOST_IDENTIFIERS, _MOST_STUDIES = 20, 500


def study_of(connection: Connection, message: CastMessage) -> str:
    """The study of this node that the event is about, "" for none.

    Of several that they are about, one that only those see who see all of them; SEVERAL_STUDIES
    where there is none such. Where it names no study that is here, one of its patient.
    """
    uids, numbers = message.study_uids, message.accession_numbers
    if not uids and not numbers:
        return _study_of_patient(connection, message)
    study = t.study.c
    if not uids:
        found = _of_numbers(connection, numbers)
    else:
        query = select(study.study_instance_uid).where(study.study_instance_uid.in_(uids))
        found = list(connection.scalars(query.order_by(study.id.desc())))
    if not found:
        return _study_of_patient(connection, message)
    if len(found) < 2:
        return found[0]
    groups = _groups_of(connection, found)
    narrow = (uid for uid in found if all(groups[uid] <= others for others in groups.values()))
    return next(narrow, SEVERAL_STUDIES)


def _of_numbers(
    connection: Connection, numbers: Sequence[tuple[str, AccessionIssuer]]
) -> list[str]:
    """The newest study of one of these accession numbers, none of another issuer's."""
    study = t.study.c
    query = (
        select(
            study.study_instance_uid,
            study.accession_number,
            study.accession_number_namespace,
            study.accession_number_system,
        )
        .where(study.accession_number.in_({number for number, _ in numbers}))
        .order_by(study.id.desc())
        .limit(_MOST_STUDIES)
    )
    for uid, number, namespace, system in connection.execute(query):
        own = AccessionIssuer(namespace, system)
        if any(one == number and not issuer.is_other_than(own) for one, issuer in numbers):
            return [uid]
    return []


def _study_of_patient(connection: Connection, message: CastMessage) -> str:
    """The one that most groups see: who sees a study of a patient knows the patient.

    "" for a patient who is not here. Birth dates that differ are of two people, whatever the ID.
    """
    patients = message.resources("patient")[:1]
    ids = [value for one in patients for value in _values(one)][:_MOST_IDENTIFIERS]
    if not ids:
        return ""
    born = str(patients[0].get("birthDate") or "")
    query = (
        select(t.study.c.study_instance_uid, t.study.c.patient_birth_date)
        .join(t.patient, t.patient.c.id == t.study.c.patient_fk)
        .where(t.patient.c.patient_id.in_(ids))
        .order_by(t.study.c.id.desc())
        .limit(_MOST_STUDIES)
    )
    found = [
        row.study_instance_uid
        for row in connection.execute(query)
        if _may_be_born(row.patient_birth_date, born)
    ]
    groups = _groups_of(connection, found)
    return max(found, key=lambda uid: (EVERYONE in groups[uid], len(groups[uid])), default="")


def _may_be_born(birth_date: str, stated: str) -> bool:
    known = dicom_date(birth_date)
    return not known or not stated or known.isoformat() == stated


def _values(patient: Json) -> Iterable[str]:
    given = patient.get("identifier")
    for one in given if isinstance(given, list) else ():
        value = str(one.get("value") or "").strip() if isinstance(one, dict) else ""
        if value:
            yield value[:64]


def _groups_of(connection: Connection, studies: Sequence[str]) -> Mapping[str, set[object]]:
    groups: dict[str, set[object]] = {uid: set() for uid in studies}
    of_study = t.study_group.c
    query = select(of_study.study_instance_uid, of_study.group_id).where(
        of_study.study_instance_uid.in_(studies), counts(t.study_group)
    )
    for uid, group in connection.execute(query):
        groups[uid].add(group)
    return groups
