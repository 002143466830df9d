"""People who share an ID stay two: names, corrections and what an undone change leaves."""

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import StateConflict
from storage.patient_identity.entities import Demographics, PatientKey, Statement
from tests.storage.patient_identity.patients import ADMIN, merge, move, patient_of, store


def demographics(patient_id: str, name: str, birth_date: str = "", sex: str = "") -> Statement:
    stated = Demographics(name, birth_date or None, sex or None)
    return Statement("demographics", PatientKey(patient_id, ""), stated, corrects=False)


def served(storage: Storage, study: str) -> Dataset:
    return dcmread(storage.instances.open(storage.index.first_instance_of(study)))


def persons(storage: Storage, *studies: str) -> list[tuple[str, str, str]]:
    found = (served(storage, one) for one in studies)
    return [
        (str(one.PatientName), one.PatientBirthDate, one.get("PatientSex") or "") for one in found
    ]


@pytest.mark.parametrize("birth_date", ["19500101", ""])
def test_father_and_son_of_one_name_and_id_stay_two(storage: Storage, birth_date: str) -> None:
    father = store(storage, "f", "1", "Doe^John", "19500101")
    if birth_date:
        son = store(storage, "s", "1", "Doe^John", "19800202")
    storage.patient_changes.record(
        [demographics("1", "Doe^John", birth_date, "M")], ADMIN, utcnow()
    )
    if not birth_date:
        # The message named no birth date: that of the father is known by his study.
        son = store(storage, "s", "1", "Doe^John", "19800202")
    assert persons(storage, father, son) == [
        ("Doe^John", "19500101", "M"),
        ("Doe^John", "19800202", ""),
    ]
    storage.patient_changes.record([demographics("1", "Doe^Jon", "19800202", "O")], ADMIN, utcnow())
    assert persons(storage, father, son) == [
        ("Doe^John", "19500101", "M"),
        ("Doe^Jon", "19800202", "O"),
    ]
    storage.patient_changes.record(
        [merge("2", "1", Demographics("Doe^John", "19500101"))], ADMIN, utcnow()
    )
    assert [patient_of(storage, one)[0] for one in (father, son)] == ["2", "1"]


def test_a_name_that_two_people_of_an_id_have_describes_neither(storage: Storage) -> None:
    studies = [
        store(storage, "f", "1", "Doe^John", "19500101"),
        store(storage, "s", "1", "Doe^John", "19800202"),
    ]
    with pytest.raises(StateConflict, match="different birth dates"):
        storage.patient_changes.record([demographics("1", "Doe^John", sex="M")], ADMIN, utcnow())
    third = store(storage, "t", "T", "Third^T", "")
    with pytest.raises(StateConflict, match="Several people"):
        storage.patient_changes.move(move(third, "1"), ADMIN, utcnow())
    assert [one[2] for one in persons(storage, *studies)] == ["", ""]
    of_son = move(third, "1", Demographics("Doe^John", "19800202"))
    storage.patient_changes.move(of_son, ADMIN, utcnow())
    assert persons(storage, third) == [("Doe^John", "19800202", "")]


def test_of_people_who_share_an_id_a_study_is_given_to_somebody_else(storage: Storage) -> None:
    wrong = store(storage, "a", "1", "Doe^Jane", "19800101")
    other = store(storage, "b", "1", "Smith^Bo", "19700101")
    meant = Demographics("Jones^Xenia", "19600101", "F")
    correction = Statement("demographics", PatientKey("1", ""), meant)
    with pytest.raises(StateConflict) as refused:
        storage.patient_changes.record([correction], ADMIN, utcnow())
    assert "mediview patients move" in refused.value.remedy
    storage.patient_changes.move(move(wrong, "1", meant), ADMIN, utcnow())
    # Sent once more it describes her, not the one who is left.
    storage.patient_changes.record([correction], ADMIN, utcnow())
    assert persons(storage, wrong, other) == [
        ("Jones^Xenia", "19600101", "F"),
        ("Smith^Bo", "19700101", ""),
    ]


def corrected_name(patient_id: str, name: str) -> Statement:
    stated = Demographics(name, "19800101")
    return Statement("demographics", PatientKey(patient_id, ""), stated)


def test_an_undone_change_leaves_each_study_with_what_it_came_with(storage: Storage) -> None:
    married = store(storage, "m", "A", "Meier^Anna", "19800101")
    single = store(storage, "s", "A", "Schmidt^Anna", "19800101")
    listed = [patient_of(storage, one) for one in (married, single)]
    recorded = storage.patient_changes.record([merge("Z", "A")], ADMIN, utcnow())
    assert recorded is not None
    late = store(storage, "late", "A", "Meyer^Anna", "19800101")
    assert {name for name, *_ in persons(storage, married, single, late)} == {"Muster^Anna"}
    storage.patient_changes.undo(recorded.change_ids[0], ADMIN, utcnow())
    assert [name for name, *_ in persons(storage, married, single, late)] == [
        "Meier^Anna",
        "Schmidt^Anna",
        "Meyer^Anna",
    ]
    assert [patient_of(storage, one) for one in (married, single)] == listed
    for name in ("meier a", "schmidt a", "meyer a"):
        assert storage.index.studies(9, 0, name)[1] == 1, "found under its own name"


def test_who_shares_an_id_keeps_the_name_when_another_study_comes_and_goes(
    storage: Storage,
) -> None:
    married = store(storage, "m", "A", "Meier^Anna", "19800101")
    other = store(storage, "o", "B", "Schmidt^Anna", "19800101")
    moved = storage.patient_changes.move(move(other, "A"), ADMIN, utcnow())
    first = storage.patient_changes.record([corrected_name("A", "Falsch^A")], ADMIN, utcnow())
    assert first is not None
    store(storage, "late", "A", "Spät^Anna", "19800101")
    storage.patient_changes.undo(first.change_ids[0], ADMIN, utcnow())
    storage.patient_changes.undo(moved.change_ids[0], ADMIN, utcnow())
    assert patient_of(storage, married) == ("A", "Meier^Anna")
    assert patient_of(storage, other) == ("B", "Schmidt^Anna")
    assert [name for name, *_ in persons(storage, married, other)] == ["Meier^Anna", "Schmidt^Anna"]


def test_a_correction_to_the_name_of_the_first_study_reaches_the_second(storage: Storage) -> None:
    married = store(storage, "m", "A", "Meier^Anna", "19800101")
    single = store(storage, "s", "A", "Schmidt^Anna", "19800101")
    storage.patient_changes.record([corrected_name("A", "Meier^Anna")], ADMIN, utcnow())
    assert [name for name, *_ in persons(storage, married, single)] == ["Meier^Anna"] * 2


def test_a_name_that_left_with_its_study_is_listed_no_more(storage: Storage) -> None:
    married = store(storage, "m", "A", "Meier^Anna", "19800101")
    single = store(storage, "s", "A", "Schmidt^Anna", "19800101")
    storage.patient_changes.move(
        move(married, "B", Demographics("Roe^Jane", "19910203")), ADMIN, utcnow()
    )
    assert patient_of(storage, single) == ("A", "Schmidt^Anna")
    assert storage.index.studies(9, 0, "schmidt")[1] == 1
