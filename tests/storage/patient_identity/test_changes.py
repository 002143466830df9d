"""Corrected, merged and moved patients, on each kind of database."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from pydicom import dcmread
from sqlalchemy import insert, select

from storage import tables as t
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotFound, StateConflict
from storage.core.uids import derive_uid
from storage.patient_identity.entities import Demographics, PatientKey, Statement
from tests.storage.instances import part10
from tests.storage.patient_identity.patients import ADMIN, ANNA, merge, move, patient_of, store
from tests.storage.reports.citing import READER, found, preliminary, says


def test_a_merge_holds_for_index_files_and_later_studies_until_it_is_undone(
    storage: Storage,
) -> None:
    ours = store(storage, "a", "A", "Muster^Anna", "19800101")
    theirs = store(storage, "b", "B", "Mustér^Ana", "19800101")
    recorded = storage.patient_changes.record([merge("A", "B")], ADMIN, utcnow())
    assert recorded is not None
    assert recorded.study_instance_uids == (theirs,)
    late = store(storage, "late", "B", "Mustér^Ana", "19800101")
    assert {patient_of(storage, one) for one in (ours, theirs, late)} == {("A", "Muster^Anna")}
    assert storage.index.studies(9, 0, "muster a")[1] == 3
    instance = storage.index.first_instance_of(theirs)
    assert dcmread(storage.instances.open(instance)).PatientID == "A"
    assert dcmread(BytesIO(storage.instances.read(instance))).PatientID == "B", "as it came"

    undone = storage.patient_changes.undo(recorded.change_ids[0], ADMIN, utcnow())
    assert set(undone.study_instance_uids) == {theirs, late}
    assert patient_of(storage, theirs) == patient_of(storage, late) == ("B", "Mustér^Ana")
    # Results may have been made with the other name meanwhile.
    assert dcmread(storage.instances.open(storage.index.first_instance_of(theirs))).PatientID == "B"
    with pytest.raises(StateConflict, match="was undone before"):
        storage.patient_changes.undo(recorded.change_ids[0], ADMIN, utcnow())
    with pytest.raises(NotFound):
        storage.patient_changes.undo("nothing", ADMIN, utcnow())


def test_a_signed_text_that_compares_with_another_patient_by_now_says_so(
    storage: Storage,
) -> None:
    ours = store(storage, "a", "A", "Muster^Anna", "19800101")
    theirs = store(storage, "b", "B", "Mustér^Ana", "19800101")
    third = store(storage, "c", "A", "Muster^Anna", "19800101")
    recorded = storage.patient_changes.record([merge("A", "B")], ADMIN, utcnow())
    assert recorded is not None
    for study, finding in ((ours, "ours"), (theirs, "theirs"), (third, "third")):
        found(storage, study, finding)
    reports = [
        preliminary(storage, ours, says("It has grown.", "ours", earlier="theirs")),
        preliminary(storage, third, says("It has grown.", "third", earlier="ours")),
    ]
    for one in reports:
        storage.reports.move(one.report_id, one.version, "final", READER)

    storage.patient_changes.undo(recorded.change_ids[0], ADMIN, utcnow())
    compared, other = (storage.reports.get(one.report_id) for one in reports)
    assert (compared.is_superseded, other.is_superseded) == (True, False)
    assert "another patient's" in compared.attention
    still = storage.reports.move(
        compared.report_id,
        compared.version,
        "amended",
        READER,
        sections=says("It has still grown.", "ours", earlier="theirs"),
        reason="Spelling.",
    )
    assert still.is_superseded, "it rests on the other patient's result as before"
    amended = storage.reports.move(
        compared.report_id,
        still.version,
        "amended",
        READER,
        sections=says("It is there.", "ours"),
        reason="Compared with another patient.",
    )
    assert not amended.is_superseded


def test_of_two_merges_at_once_that_contradict_one_counts(storage: Storage) -> None:
    study = store(storage, "a", "A", "Muster^Anna", "19800101")

    def record(statement: Statement) -> bool:
        try:
            return bool(storage.patient_changes.record([statement], ADMIN, utcnow()))
        except StateConflict:
            return False

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(record, [merge("A", "B"), merge("B", "A")]))
    assert sorted(done) == [False, True]
    assert patient_of(storage, study)[0] == ("A" if done[0] else "B")


def test_studies_that_arrive_while_their_patient_is_merged_are_all_merged(
    storage: Storage,
) -> None:
    with ThreadPoolExecutor(4) as pool:
        stored = [
            pool.submit(store, storage, f"s{n}", "B", "Muster^Ana", "19800101") for n in range(12)
        ]
        pool.submit(storage.patient_changes.record, [merge("A", "B")], ADMIN, utcnow()).result()
        studies = [one.result() for one in stored]
    assert {patient_of(storage, one)[0] for one in studies} == {"A"}


def test_a_deleted_study_that_comes_again_is_merged_again(storage: Storage) -> None:
    study = store(storage, "b", "B", "Muster^Ana", "19800101")
    storage.patient_changes.record([merge("A", "B")], ADMIN, utcnow())
    storage.deletions.study(study)
    assert patient_of(storage, store(storage, "b", "B", "Muster^Ana", "19800101"))[0] == "A"


def test_a_study_is_moved_from_patient_to_patient_and_back(
    storage: Storage,
) -> None:
    study = store(storage, "s", "A", "Muster^Anna", "19800101")
    store(storage, "t", "B", "Beispiel^Bo", "19900202")
    first = storage.patient_changes.move(move(study, "B"), ADMIN, utcnow())
    assert patient_of(storage, study) == ("B", "Beispiel^Bo")
    anne = Demographics("Muster^Anne", "19800101")
    corrected = Statement("demographics", PatientKey("A", ""), anne)
    storage.patient_changes.record([corrected], ADMIN, utcnow())
    assert patient_of(storage, study) == ("B", "Beispiel^Bo"), "it is not hers any more"
    stranger = move(study, "C", Demographics("Neu^Nora", "20000303", "F"))
    second = storage.patient_changes.move(stranger, ADMIN, utcnow())
    assert patient_of(storage, study) == ("C", "Neu^Nora")
    storage.patient_changes.undo(second.change_ids[0], ADMIN, utcnow())
    assert patient_of(storage, study) == ("B", "Beispiel^Bo")
    storage.patient_changes.undo(first.change_ids[0], ADMIN, utcnow())
    assert patient_of(storage, study) == ("A", "Muster^Anne")


def test_what_else_named_the_former_patient_does_not_leave_with_the_new_one(
    storage: Storage,
) -> None:
    former: dict[str, Any] = {
        "OtherPatientIDs": "X-9",
        "PatientBirthName": "Alt^Anna",
        "PatientMotherBirthName": "Ur^Ulla",
        "PatientAddress": "15 Main St",
        "PatientAge": "044Y",
    }
    data = part10(
        "a", PatientID="A", PatientName="Muster^Anna", PatientBirthDate="19800101", **former
    )
    storage.ingest.accept(data, "test")
    uid = str(derive_uid("test", "a"))
    storage.patient_changes.move(
        move(uid, "B", Demographics("Roe^Jane", "19910203")), ADMIN, utcnow()
    )
    instance = storage.index.first_instance_of(uid)
    for served in (
        dcmread(storage.instances.open(instance)),
        storage.instances.dataset(instance, stop_before_pixels=True),
    ):
        assert served.PatientName == "Roe^Jane"
        assert [keyword for keyword in former if keyword in served] == []
        assert served.StudyInstanceUID == uid


def test_a_move_that_cannot_be_meant_is_refused(storage: Storage) -> None:
    study = store(storage, "s", "A", "Muster^Anna", "19800101")
    store(storage, "t", "B", "Beispiel^Bo", "19900202")
    for wanted, reason in (
        (move(study, "A"), "that patient's already"),
        (move(study, "Z"), "does not know the patient"),
        (move(study, "B", Demographics("Other^Name")), "knows the patient"),
    ):
        with pytest.raises(InvalidRequest, match=reason):
            storage.patient_changes.move(wanted, ADMIN, utcnow())
    with pytest.raises(NotFound):
        storage.patient_changes.move(replace(move(study, "B"), study_instance_uid="1.2"), ADMIN,
                                     utcnow())  # fmt: skip
    assert patient_of(storage, study)[0] == "A"


def test_a_large_image_leaves_corrected_and_whole(storage: Storage) -> None:
    pixels = bytes(range(256)) * 40_000
    storage.ingest.accept(
        part10("big", PatientID="B", PatientName="Old^Name", PixelData=pixels, Rows=3200,
               Columns=1600),
        "test",
    )  # fmt: skip
    storage.patient_changes.record([merge("A", "B")], ADMIN, utcnow())
    instance = storage.index.first_instance_of(str(derive_uid("test", "big")))
    with storage.instances.open(instance) as file:
        left = dcmread(file)
    assert (left.PatientID, str(left.PatientName)) == ("A", "Muster^Anna")
    assert left.PixelData == pixels


def test_a_patient_with_300_changes_gets_no_more_but_what_adds_nothing_is_accepted(
    storage: Storage,
) -> None:
    """A hospital sends the same ADT^A08 at each admission."""
    study = store(storage, "a", "A", "Muster^Ana", "19800101")
    correction = Statement("demographics", PatientKey("A", ""), ANNA)
    repeated = [correction, merge("A", "B")]
    storage.patient_changes.record(repeated, ADMIN, utcnow())
    c = t.patient_change.c
    with storage.engine.begin() as connection:
        row = connection.execute(select(t.patient_change).where(c.kind == "merge")).mappings().one()
        copied = {name: value for name, value in row.items() if name != "id"}
        connection.execute(
            insert(t.patient_change),
            [
                {**copied, "change_id": f"{n}", "control_id": f"{n}", "prior_patient_id": f"B{n}"}
                for n in range(298)
            ],
        )
    again = storage.patient_changes.record(repeated, ADMIN, utcnow())
    assert again is not None
    assert not again.change_ids
    anne = Statement("demographics", PatientKey("A", ""), Demographics("Muster^Anne", "19800101"))
    with pytest.raises(StateConflict, match="300 corrections and merges"):
        storage.patient_changes.record([anne], ADMIN, utcnow())
    assert patient_of(storage, study) == ("A", "Muster^Anna")
