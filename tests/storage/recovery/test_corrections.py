"""Corrected patients and rejected images outlast a damaged index."""

from pathlib import Path

from pydicom import dcmread
from pydicom.uid import KeyObjectSelectionDocumentStorage

from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.uids import derive_uid
from storage.patient_identity.entities import Demographics, Origin, PatientKey, Statement
from storage.recovery.diagnosis import Diagnosis
from storage.recovery.repair import repair
from storage.settings import load_settings
from tests.migrated import upgrade
from tests.storage.instances import part10

ADMIN = Origin("ada", "account:1", reason="wrong card")


def correct(storage: Storage, patient_id: str, name: str) -> str:
    statement = Statement("demographics", PatientKey(patient_id, ""), Demographics(name))
    recorded = storage.patient_changes.record([statement], ADMIN, utcnow())
    assert recorded is not None
    return recorded.change_ids[0]


def shown(storage: Storage) -> list[tuple[str, str, int]]:
    """Of each study the patient in the list and in what leaves, and the number of images."""
    studies = [str(derive_uid("test", one)) for one in "abc"]
    return [
        (
            storage.index.study(one).patient_name,
            str(dcmread(storage.instances.open(storage.index.first_instance_of(one))).PatientName),
            storage.index.study(one).instance_count,
        )
        for one in studies
    ]


def test_an_index_that_is_repaired_shows_corrected_patients_and_hides_what_is_rejected(
    tmp_path: Path,
) -> None:
    settings = load_settings(data_dir=tmp_path / "data", free_disk_mark_bytes=0)
    upgrade(settings)
    with open_storage(settings) as storage:
        for study in "abc":
            storage.ingest.accept(
                part10(study, PatientID=study, PatientName=f"Arrived^{study}"), "test"
            )
        note = {"Modality": "KO", "SOPClassUID": KeyObjectSelectionDocumentStorage}
        named = {"PatientID": "c", "PatientName": "Arrived^c"}
        storage.ingest.accept(part10("c", series="note", **named, **note), "test")
        (stored,) = storage.rejection_notes.unread(1)
        images = [str(derive_uid("test", "c", "series", "instance"))]
        storage.rejection_notes.read(stored, "113001", images, utcnow())
        storage.rejection_notes.apply(utcnow())
        correct(storage, "a", "Corrected^A")
        storage.patient_changes.undo(correct(storage, "b", "Wrong^B"), ADMIN, utcnow())
        before = shown(storage)
    repair(settings, Diagnosis("damaged", ()), None)
    with open_storage(settings) as storage:
        storage.rejection_notes.apply(utcnow())
        assert shown(storage) == before
        digests = [
            storage.index.first_instance_of(str(derive_uid("test", one))).patient_digest
            for one in "ab"
        ]
    assert all(digests), "what was made of them meanwhile may name the other patient"
    assert before == [
        ("Corrected^A", "Corrected^A", 1),
        ("Arrived^b", "Arrived^b", 1),
        ("Arrived^c", "Arrived^c", 1),
    ]
