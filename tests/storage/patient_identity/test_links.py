"""IDs that are linked count as one patient wherever a patient is followed, until that is undone."""

import pytest
from sqlalchemy import select, update

from storage import tables as t
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import StateConflict
from storage.patient_identity.entities import Origin, PatientKey, Statement
from tests.storage.patient_identity.patients import ADMIN, merge, patient_of, store

MPI = Origin("PIX", sender="MPI^X")
A, B, C = (PatientKey(one, "") for one in "ABC")


def link(one: PatientKey, other: PatientKey) -> Statement:
    return Statement("link", one, prior=other)


def followed(storage: Storage) -> dict[str, str]:
    """Studies of A in 2020, B in 2021 and C in 2022, each with images."""
    studies = {
        one: store(storage, one, one, f"Muster^{one}", "19800101") for one in ("A", "B", "C")
    }
    with storage.engine.begin() as connection:
        for year, one in zip((2020, 2021, 2022), studies, strict=True):
            connection.execute(
                update(t.study)
                .where(t.study.c.study_instance_uid == studies[one])
                .values(study_date=f"{year}0101")
            )
    return studies


def test_linked_patients_are_one_for_priors_and_each_keeps_id_and_name(storage: Storage) -> None:
    studies = followed(storage)
    before = storage.patient_studies.imaged_before
    assert before(studies["C"]) == []
    recorded = storage.patient_changes.record([link(C, A)], ADMIN, utcnow())
    assert recorded is not None
    assert set(recorded.study_instance_uids) == {studies["C"]}
    assert before(studies["C"]) == [studies["A"]]
    storage.patient_changes.record([link(A, B)], ADMIN, utcnow())
    assert before(studies["C"]) == [studies["B"], studies["A"]], "by way of A"
    assert patient_of(storage, studies["A"]) == ("A", "Muster^A")
    assert patient_of(storage, studies["C"]) == ("C", "Muster^C")
    store(storage, "late", "B", "Muster^B", "19800101")
    assert storage.index.studies(9, 0, "B")[1] == 4, "a search for one ID finds them all"
    assert storage.index.studies(9, 0, "muster B 2022")[1] == 1, "with other words, too"

    storage.patient_changes.undo(recorded.change_ids[0], ADMIN, utcnow())
    assert before(studies["C"]) == []
    assert before(studies["B"]) == [studies["A"]]
    storage.patient_changes.unlink([A, B], ADMIN, utcnow())
    assert before(studies["B"]) == []


def test_a_link_says_nothing_new_twice_and_never_of_an_id_and_itself(storage: Storage) -> None:
    followed(storage)
    assert storage.patient_changes.record([link(A, B)], ADMIN, utcnow()).change_ids  # type: ignore[union-attr]
    assert not storage.patient_changes.record([link(B, A)], ADMIN, utcnow()).change_ids  # type: ignore[union-attr]
    with pytest.raises(StateConflict, match="same ID"):
        storage.patient_changes.record([link(A, A)], ADMIN, utcnow())


def test_a_manager_that_names_fewer_ids_ends_its_own_links_alone(storage: Storage) -> None:
    studies = followed(storage)
    before = storage.patient_studies.imaged_before
    changes = storage.patient_changes
    changes.cross_reference([A, B, C], MPI, utcnow())
    assert before(studies["C"]) == [studies["B"], studies["A"]]
    assert not changes.cross_reference([C, A, B], MPI, utcnow()).study_instance_uids
    changes.cross_reference([A, B], MPI, utcnow())
    assert before(studies["C"]) == []
    assert before(studies["B"]) == [studies["A"]]
    # A link of an administrator is none of the manager's.
    changes.record([link(C, A)], ADMIN, utcnow())
    changes.cross_reference([A], MPI, utcnow())
    assert before(studies["C"]) == [studies["A"]]
    assert before(studies["B"]) == []


def test_what_a_person_took_back_the_manager_does_not_link_again(storage: Storage) -> None:
    studies = followed(storage)
    changes = storage.patient_changes
    (change_id,) = changes.cross_reference([A, B], MPI, utcnow()).change_ids
    changes.undo(change_id, ADMIN, utcnow())
    assert changes.cross_reference([A, B], MPI, utcnow()).change_ids == ()
    assert storage.patient_studies.imaged_before(studies["B"]) == []


def test_of_an_id_that_two_people_have_the_birth_date_says_who_is_linked(storage: Storage) -> None:
    hers = store(storage, "hers", "A", "Muster^Anna", "19800101")
    his = store(storage, "his", "A", "Muster^Otto", "19500101")
    there = store(storage, "there", "B", "Beispiel^Anna", "19800101")
    recorded = storage.patient_changes.record([link(A, B)], ADMIN, utcnow())
    assert recorded is not None
    assert recorded.study_instance_uids == (there,)
    with storage.engine.begin() as connection:
        c = t.study.c
        rows = connection.execute(select(c.study_instance_uid, c.person_fk))
        persons = {uid: person_fk for uid, person_fk, *_ in rows}
    assert persons[hers] == persons[there] != persons[his]


def test_a_merge_of_linked_patients_and_studies_that_come_again_stay_linked(
    storage: Storage,
) -> None:
    studies = followed(storage)
    storage.patient_changes.record([link(C, B)], ADMIN, utcnow())
    storage.patient_changes.record([merge("A", "B")], ADMIN, utcnow())
    assert storage.patient_studies.imaged_before(studies["C"]) == [studies["B"], studies["A"]]
    storage.deletions.study(studies["A"])
    again = store(storage, "A", "A", "Muster^A", "19800101")
    assert again == studies["A"]
    assert storage.patient_studies.imaged_before(studies["C"])[0] == studies["B"]


def test_pipelines_look_again_for_priors_of_studies_that_are_linked(storage: Storage) -> None:
    studies = followed(storage)
    storage.patient_changes.record([link(C, A)], ADMIN, utcnow())
    with storage.engine.begin() as connection:
        due = set(connection.execute(t.prior_due.select()).scalars())
    assert studies["C"] in due
