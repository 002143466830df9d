"""Who is known under several IDs and counts as one patient: by links between IDs.

Each ID keeps its studies and its name; what follows a patient follows all that are linked. A link
says nothing of an ID that several people have: birth dates that differ keep those apart.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, exists, or_, select, update

from storage import tables as t
from storage.db.portions import in_portions
from storage.patient_identity.entities import Patient, PatientKey
from storage.patient_identity.lookup import changes_around
from storage.patient_identity.resolution import Changes


class Relinked(NamedTuple):
    """Studies that count as of somebody else now, and as whose they counted before."""

    study_instance_uids: list[str]
    former_person_fks: set[int]


class _Row(NamedTuple):
    id: int
    key: PatientKey
    name_folded: str
    birth_date: str


def has_links(connection: Connection, patient_id: str) -> bool:
    """Whether a link in force names the ID, of any issuer."""
    c = t.patient_change.c
    is_link = (c.kind == "link", c.undone_at.is_(None))
    asked = (
        exists().where(column == patient_id, *is_link)
        for column in (c.patient_id, c.prior_patient_id)
    )
    return bool(connection.scalar(select(or_(*asked))))


def relink(connection: Connection, patient_ids: Collection[str]) -> Relinked:
    """Count studies of these IDs, and of all that are linked to them, as the links in force say."""
    changes = changes_around(connection, patient_ids)
    persons = persons_of(connection, changes, {*patient_ids, *changes.patient_ids})
    c = t.study.c
    relinked = Relinked([], set())
    for patient_fks in in_portions(persons):
        rows = connection.execute(
            select(c.study_instance_uid, c.patient_fk, c.person_fk)
            .where(c.patient_fk.in_(patient_fks))
            .order_by(c.id)
        ).all()
        for uid, patient_fk, person_fk in rows:
            if person_fk == persons[patient_fk]:
                continue
            connection.execute(
                update(t.study)
                .where(c.study_instance_uid == uid)
                .values(person_fk=persons[patient_fk])
            )
            relinked.study_instance_uids.append(uid)
            relinked.former_person_fks.add(person_fk)
    return relinked


def persons_of(
    connection: Connection, changes: Changes, patient_ids: Collection[str]
) -> dict[int, int]:
    """By row of a patient: the row by which the person is counted, the oldest of those linked."""
    c = t.patient.c
    rows: list[_Row] = []
    for ids in in_portions(sorted(set(patient_ids) - {""})):
        query = select(
            c.id, c.patient_id, c.issuer_of_patient_id, c.patient_name_folded, c.patient_birth_date
        ).where(c.patient_id.in_(ids))
        for row_id, patient_id, issuer, name_folded, birth_date in connection.execute(query):
            key = changes.key_of(Patient(patient_id, issuer, "", "", ""))
            rows.append(_Row(row_id, key, name_folded, birth_date))
    persons = {one.id: one.id for one in rows}
    groups = linked_keys(changes)
    of_group: defaultdict[PatientKey, list[_Row]] = defaultdict(list)
    for one in rows:
        if one.key in groups:
            of_group[groups[one.key]].append(one)
    for linked in of_group.values():
        for same in _people(linked):
            first = min(one.id for one in same)
            persons |= dict.fromkeys((one.id for one in same), first)
    return persons


def linked_keys(changes: Changes) -> Mapping[PatientKey, PatientKey]:
    """Of each ID that is linked, one that stands for all that are linked with it."""
    beside: defaultdict[PatientKey, set[PatientKey]] = defaultdict(set)
    for link in changes.links:
        one, other = changes.survivor(link.key), changes.survivor(link.prior)
        beside[one].add(other)
        beside[other].add(one)
    found: dict[PatientKey, PatientKey] = {}
    for first in sorted(beside):
        waiting = [] if first in found else [first]
        while waiting:
            key = waiting.pop()
            if key not in found:
                found[key] = first
                waiting += beside[key]
    return found


def _people(linked: Sequence[_Row]) -> Iterable[list[_Row]]:
    """Rows of linked IDs by whom they mean.

    Mostly an ID has one row. Where two people share one, the birth date says who of them is the
    patient of the other ID; who has none is somebody of that name, or stays alone.
    """
    rows_of_key: defaultdict[PatientKey, int] = defaultdict(int)
    for one in linked:
        rows_of_key[one.key] += 1
    dates = {one.birth_date for one in linked if one.birth_date}
    people: defaultdict[str, list[_Row]] = defaultdict(list)
    for one in linked:
        if one.birth_date:
            people[one.birth_date].append(one)
    for one in linked:
        if one.birth_date:
            continue
        named = {
            other.birth_date
            for other in linked
            if other.birth_date and one.name_folded and other.name_folded == one.name_folded
        }
        if len(named) == 1:
            people[named.pop()].append(one)
        elif len(dates) < 2 and rows_of_key[one.key] == 1:
            people[next(iter(dates), "")].append(one)
    for same in people.values():
        # Of one ID and birth date there are two rows where they are twins: a link names neither.
        of_key: defaultdict[PatientKey, int] = defaultdict(int)
        for one in same:
            of_key[one.key] += 1
        if clear := [one for one in same if of_key[one.key] == 1]:
            yield clear
