"""Whom an event is shown to, by the studies and patients of this node that it names."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection, select

from storage import tables as t
from storage.core.accession_issuers import AccessionIssuer
from storage.core.callers.visibility import EVERYONE, Visibility
from storage.core.text.dicom_values import is_born_on_another_day
from storage.db.portions import in_portions
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
_Value = TypeVar("_Value")


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


@dataclass(frozen=True)
class NamedStudies:
    """What decides about an event: the studies that it names, and one for each of the patients.

    `is_unplaced`: nothing in it is here, or one of several studies or patients is not.
    """

    studies: tuple[str, ...]
    is_unplaced: bool

    def audience(
        self, connection: Connection, announcer_groups: str, within: Audience | None = None
    ) -> Audience:
        """Those who see every study and every patient that it names; the strictest decides.

        `within`: of what is open, where the event changes or closes that.
        """
        placed = dict.fromkeys(self.studies)
        if within is not None and within.study_instance_uid:
            placed[within.study_instance_uid] = None
        groups = announcer_groups if within is None else within.announcer_groups
        if within is None and not self.is_unplaced:
            groups = ANYBODY
        return Audience(_strictest(connection, list(placed)), groups)


def studies_named_in(connection: Connection, message: CastMessage) -> NamedStudies:
    """As many questions as there are kinds of values, however much it names."""
    named = named_in(message)
    if sum(one.count for one in named) > MOST_VALUES:
        return NamedStudies((SEVERAL_STUDIES,), is_unplaced=False)
    found = _Found(connection, named)
    return NamedStudies(tuple(sorted(found.all)), _is_unplaced(named, found))


@dataclass(frozen=True, eq=False)
class _Patient:
    """Studies of one patient that state one birth date."""

    number: int
    studies: list[str] = field(default_factory=list)


class _Found:
    """The studies that each of the named is judged by."""

    def __init__(self, connection: Connection, named: Sequence[Named]) -> None:
        of_uid = studies_of_uids(connection, {uid for one in named for uid in one.uids})
        of_id = studies_of_ids(connection, {value for one in named for value in one.ids})
        self._of_person = _patients(connection, {one for each in named for one in each.people})
        self._by_named = {
            id(one): _all_of(one.uids, of_uid) | _all_of(one.ids, of_id) for one in named
        }
        self._add_those_of_numbers(connection, named)
        self._studies = {uid for each in self._by_named.values() for uid in each}
        self.all = self._studies | self._shown(connection)

    def has(self, one: Named) -> bool:
        is_known = any(self._of_person[person] for person in one.people)
        return bool(self._by_named[id(one)]) or is_known

    def _add_those_of_numbers(self, connection: Connection, named: Sequence[Named]) -> None:
        numbers = {
            id(one): {*one.numbers, *((value, AccessionIssuer()) for value in one.ids)}
            for one in named
            if not self._by_named[id(one)]
        }
        asked = {number for each in numbers.values() for number in each}
        of_number = studies_of_numbers(connection, asked)
        of_people = {
            uid for patients in self._of_person.values() for one in patients for uid in one.studies
        }
        for key, each in numbers.items():
            studies = _all_of(each, of_number)
            # A number that several sites have given out is that of its patient.
            self._by_named[key] = studies & of_people or studies

    def _shown(self, connection: Connection) -> set[str]:
        """For each patient that somebody may be the study that most groups see: who sees a study
        of a patient knows the patient. None where the event names a study of this one."""
        patients = {one for each in self._of_person.values() for one in each}
        named = {one for one in patients if not self._studies.isdisjoint(one.studies)}
        groups = _groups_of(connection, {uid for one in patients - named for uid in one.studies})

        def width(uid: str) -> tuple[bool, int]:
            return EVERYONE in groups[uid], len(groups[uid])

        widest = {one: max(one.studies, key=width) for one in patients - named}
        shown: set[str] = set()
        for each in self._of_person.values():
            if named.isdisjoint(each):
                by_number: dict[int, str] = {}
                for one in each:
                    seen = (widest[one], by_number.get(one.number, widest[one]))
                    by_number[one.number] = max(seen, key=width)
                shown.update(by_number.values())
        return shown


def _all_of(values: Iterable[_Value], studies: Mapping[_Value, set[str]]) -> set[str]:
    return {uid for value in values for uid in studies.get(value, ())}


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


def _patients(connection: Connection, people: set[Person]) -> Mapping[Person, Sequence[_Patient]]:
    """Birth dates that differ are of two people, whatever the ID."""
    found: dict[Person, list[_Patient]] = {one: [] for one in people}
    of_id: defaultdict[str, list[Person]] = defaultdict(list)
    for one in people:
        for value in one.ids:
            of_id[value].append(one)
    if not of_id:
        return found
    query = (
        select(
            t.patient.c.id,
            t.patient.c.patient_id,
            t.study.c.study_instance_uid,
            t.study.c.patient_birth_date,
        )
        .join(t.patient, t.patient.c.id == t.study.c.patient_fk)
        .where(t.patient.c.patient_id.in_(of_id))
        .order_by(t.study.c.id.desc())
        .limit(_MOST_STUDIES)
    )
    patients: dict[tuple[int, str, str], _Patient] = {}
    for number, patient_id, uid, birth_date in connection.execute(query):
        key = (number, patient_id, birth_date)
        patients.setdefault(key, _Patient(number)).studies.append(uid)
    for (_, patient_id, birth_date), patient in patients.items():
        for one in of_id[patient_id]:
            if not is_born_on_another_day(birth_date, one.birth_date):
                found[one].append(patient)
    return found


def _strictest(connection: Connection, studies: Sequence[str]) -> str:
    if len(studies) < 2:
        return studies[0] if studies else ""
    groups = _groups_of(connection, studies)
    of_all = set.intersection(*groups.values())
    return next((uid for uid in studies if groups[uid] == of_all), SEVERAL_STUDIES)


def _groups_of(connection: Connection, studies: Iterable[str]) -> Mapping[str, set[object]]:
    groups: dict[str, set[object]] = {uid: set() for uid in studies}
    of_study = t.study_group.c
    for some in in_portions(groups):
        query = select(of_study.study_instance_uid, of_study.group_id).where(
            of_study.study_instance_uid.in_(some), counts(t.study_group)
        )
        for uid, group in connection.execute(query):
            groups[uid].add(group)
    return groups
