"""Whom an event is shown to, by the studies and patients of this node that it names."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from storage import tables as t
from storage.core.accession_issuers import AccessionIssuer
from storage.core.callers.visibility import EVERYONE, Visibility
from storage.core.text.dicom_values import dicom_date
from storage.db.study_memberships import counts
from storage.fhircast.messages import CastMessage
from storage.fhircast.named_studies import studies_of_ids, studies_of_numbers, studies_of_uids
from storage.fhircast.named_values import MOST_VALUES, Named, Person, named_in

SEVERAL_STUDIES = "2.25.0"
"""In place of a Study Instance UID: of studies that nobody sees together but who sees all."""
ANYBODY = ""
NOBODY = "-"
"""No list of groups: for those who see everything."""
_MOST_STUDIES = 500


@dataclass(frozen=True)
class Audience:
    """`study_instance_uid`: who sees that study, "" for none that is here. `announcer_groups`: a
    pattern of the groups of who announced it, where the node cannot place it otherwise."""

    study_instance_uid: str
    announcer_groups: str = ANYBODY


def groups_of(announcer: Visibility | None) -> str:
    """A pattern of LIKE that the ordered list of all groups of a subscriber matches if it contains
    these (`storage.db.visible_rows`)."""
    if announcer is None:
        return NOBODY
    return f"%{'%'.join(f',{one},' for one in sorted(announcer.group_ids))}%"


def audience_of(
    connection: Connection,
    message: CastMessage,
    announcer_groups: str,
    within: Audience | None = None,
) -> Audience:
    """Those who see every study and every patient that it names; the strictest decides.

    `within`: of what is open, where the event changes or closes that.
    """
    named = named_in(message)
    if sum(one.count for one in named) > MOST_VALUES:
        return Audience(SEVERAL_STUDIES)
    found = _Found(connection, named)
    placed = dict.fromkeys(found.all)
    if within is not None and within.study_instance_uid:
        placed[within.study_instance_uid] = None
    groups = announcer_groups if within is None else within.announcer_groups
    if within is None and not _is_unplaced(named, found):
        groups = ANYBODY
    return Audience(_strictest(connection, list(placed)), groups)


class _Found:
    """The studies that each of the named is judged by."""

    def __init__(self, connection: Connection, named: Sequence[Named]) -> None:
        of_uid = studies_of_uids(connection, {uid for one in named for uid in one.uids})
        of_id = studies_of_ids(connection, {value for one in named for value in one.ids})
        self._of_person = _patients(connection, [one for each in named for one in each.people])
        of_people = {uid for each in self._of_person.values() for uid in each.studies}
        self._by_named: dict[int, set[str]] = {}
        for one in named:
            studies = {uid for value in one.uids for uid in of_uid.get(value, ())}
            studies |= {uid for value in one.ids for uid in of_id.get(value, ())}
            if not studies:
                studies = studies_of_numbers(
                    connection, [*one.numbers, *((value, AccessionIssuer()) for value in one.ids)]
                )
                # A number that several sites have given out is that of its patient.
                studies = studies & of_people or studies
            self._by_named[id(one)] = studies
        self._studies = {uid for each in self._by_named.values() for uid in each}
        self._shown = {
            id(one): self._of_patient(connection, one) for each in named for one in each.people
        }

    @property
    def all(self) -> set[str]:
        return self._studies | {uid for each in self._shown.values() for uid in each}

    def has(self, one: Named) -> bool:
        is_known = any(self._of_person[id(person)].studies for person in one.people)
        return bool(self._by_named[id(one)]) or is_known

    def _of_patient(self, connection: Connection, person: Person) -> set[str]:
        """For each patient that it may be the study that most groups see: who sees a study of a
        patient knows the patient. None where the event names a study of this one."""
        patient = self._of_person[id(person)]
        if patient.studies & self._studies:
            return set()
        groups = _groups_of(connection, sorted(patient.studies))
        return {
            max(studies, key=lambda uid: (EVERYONE in groups[uid], len(groups[uid])))
            for studies in patient.by_patient.values()
        }


class _Patients:
    def __init__(self) -> None:
        self.by_patient: dict[int, list[str]] = {}

    @property
    def studies(self) -> set[str]:
        return {uid for each in self.by_patient.values() for uid in each}


def _is_unplaced(named: Sequence[Named], found: _Found) -> bool:
    """Whether nothing in it is here, or one of several studies or patients is not."""
    if not any(found.has(one) for one in named):
        return True
    ids = {value for one in named if found.has(one) for value in one.ids}
    for key in ("study", "patient"):
        of_key = [one for one in named if one.key == key]
        # A reference to a resource beside it has that one's id.
        unknown = [one for one in of_key if not found.has(one) and ids.isdisjoint(one.ids)]
        if len(of_key) > 1 and unknown:
            return True
    return False


def _patients(connection: Connection, people: Sequence[Person]) -> dict[int, _Patients]:
    """By the identity of each. Birth dates that differ are of two people, whatever the ID."""
    found = {id(one): _Patients() for one in people}
    ids = {value for one in people for value in one.ids}
    if not ids:
        return found
    query = (
        select(
            t.patient.c.id,
            t.patient.c.patient_id,
            t.study.c.study_instance_uid,
            t.study.c.patient_birth_date,
        )
        .join(t.patient, t.patient.c.id == t.study.c.patient_fk)
        .where(t.patient.c.patient_id.in_(ids))
        .order_by(t.study.c.id.desc())
        .limit(_MOST_STUDIES)
    )
    for number, patient_id, uid, birth_date in connection.execute(query):
        for one in people:
            if patient_id in one.ids and _may_be_born(birth_date, one.birth_date):
                found[id(one)].by_patient.setdefault(number, []).append(uid)
    return found


def _strictest(connection: Connection, studies: Sequence[str]) -> str:
    if len(studies) < 2:
        return studies[0] if studies else ""
    groups = _groups_of(connection, studies)
    narrow = (uid for uid in studies if all(groups[uid] <= others for others in groups.values()))
    return next(narrow, SEVERAL_STUDIES)


def _may_be_born(birth_date: str, stated: str) -> bool:
    known = dicom_date(birth_date)
    return not known or not stated.strip() or known.isoformat() == stated.strip()


def _groups_of(connection: Connection, studies: Iterable[str]) -> Mapping[str, set[object]]:
    groups: dict[str, set[object]] = {uid: set() for uid in studies}
    of_study = t.study_group.c
    query = select(of_study.study_instance_uid, of_study.group_id).where(
        of_study.study_instance_uid.in_(list(groups)), counts(t.study_group)
    )
    for uid, group in connection.execute(query):
        groups[uid].add(group)
    return groups
