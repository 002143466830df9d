"""A project's studies leave de-identified, checked and certified; what cannot stays, by name."""

import csv
import json
import shutil
import uuid
from typing import BinaryIO

import pydicom
import pytest
from pydicom.dataset import FileDataset
from sqlalchemy import select

from inference.projects.certificate import signed_bytes, verify_folder
from inference.projects.export import export_due
from inference.projects.folder import checked_folder
from inference.projects.reidentification import reidentify
from inference.projects.selection import (
    checked_split,
)
from storage import tables as t
from storage.container import Storage
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotFound
from storage.core.findings import Code
from storage.crypto.signing_key import is_signed
from storage.integrity import instance_reader
from storage.patient_identity.entities import Demographics, Origin, PatientKey, Statement
from tests.inference.orchestration import receive
from tests.inference.projects.research import PERSON, exported, filled, project, put
from tests.inference.reports.studies import measured_study
from tests.inference.small import changed, mr_series, study_uid


def test_the_name_before_a_correction_leaves_as_little_as_the_one_after(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And to know both, each header is decoded once."""
    research = project(storage)
    decoded = []
    read = instance_reader.read_part10

    def counted(
        file: BinaryIO, *, stop_before_pixels: bool = False, **more: int | None
    ) -> FileDataset:
        decoded.append(stop_before_pixels)
        return read(file, stop_before_pixels=stop_before_pixels, **more)

    monkeypatch.setattr(instance_reader, "read_part10", counted)
    (uid,) = filled(storage, SeriesDescription="T1 Quernhammer nachbestellt fuer Obermayr")
    moved = Statement(
        "move", PatientKey("R-1", ""), Demographics("Obermayr^Rosa"), study_instance_uid=uid
    )
    assert storage.patient_changes.move(
        moved, Origin("ada", "account:1", reason="mixed up"), utcnow()
    )
    put(storage, research, [uid])
    export, folder = exported(storage, research)
    for file in folder.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        assert not any(name in content for name in (b"Quernhammer", b"Obermayr")), file
    assert export.state == "DONE"
    assert decoded == [True, True]


def test_studies_leave_under_pseudonyms_with_a_certificate(storage: Storage) -> None:
    research = project(storage)
    assert put(storage, research, filled(storage, 2)) == 2
    export, folder = exported(storage, research)
    assert export.state == "DONE"
    files = sorted(folder.rglob("*.dcm"))
    assert len(files) == 4
    headers = [pydicom.dcmread(one) for one in files]
    (patient,) = {str(one.PatientID) for one in headers}
    assert {one.relative_to(folder).parts[0] for one in files} == {patient}
    assert len({one.StudyInstanceUID for one in headers}) == 2
    certificate = json.loads((folder / "certificate.json").read_text())
    assert certificate["counts"] == {
        "exported": 4,
        "refused": 0,
        "patients": 1,
        "size_bytes": sum(one.stat().st_size for one in files),
    }
    assert is_signed(signed_bytes(certificate), certificate["signature"], certificate["public_key"])
    assert verify_folder(folder, certificate["public_key"]) == []
    assert "were not searched" in certificate["pixels"]
    everything = b"".join(one.read_bytes() for one in folder.rglob("*") if one.is_file())
    assert b"Quernhammer" not in everything
    assert b"Q-4711" not in everything
    assert (folder / "patients.csv").read_text() == f"patient,subset\n{patient},train\n"
    assert not (folder / ".export").exists()


def test_a_certificate_says_of_which_images_the_pixels_were_searched(storage: Storage) -> None:
    research = project(storage, "clean-pixel-data")
    put(storage, research, filled(storage, 1))
    _, folder = exported(storage, research)
    certificate = json.loads((folder / "certificate.json").read_text())
    assert certificate["pixels"].startswith("OCR read every frame of every image")


def test_measurements_leave_with_the_pseudonyms_of_their_studies(storage: Storage) -> None:
    research = project(storage)
    study = measured_study(storage, 1234.5)
    (finding,) = storage.findings.of_study(study)
    storage.finding_feedback.add(
        finding, "CORRECTED", of_account("dr-jones"), value=1.2, unit=Code("L", "UCUM", "liter")
    )
    put(storage, research, [study])
    _, folder = exported(storage, research)
    (row,) = csv.DictReader((folder / "measurements.csv").read_text().splitlines())
    header = pydicom.dcmread(next(folder.rglob("*.dcm")))
    assert row["patient"] == header.PatientID
    assert row["study_instance_uid"] == header.StudyInstanceUID
    assert row["series_instance_uid"] == header.SeriesInstanceUID
    assert (row["pipeline"], float(row["value"])) == ("brain-volume", 1200.0)
    assert (row["unit"], float(row["software_value"])) == ("cm3", 1234.5)
    (folder / "measurements.csv").write_text("other")
    assert verify_folder(folder, "") == ["measurements.csv was changed."]


def test_a_changed_missing_or_added_file_and_a_forged_certificate_are_seen(
    storage: Storage,
) -> None:
    research = project(storage)
    put(storage, research, filled(storage))
    _, folder = exported(storage, research)
    first, second = sorted(folder.rglob("*.dcm"))
    first.write_bytes(first.read_bytes() + b"\0")
    shutil.copy(second, folder / "more.dcm")
    second.unlink()
    text = (folder / "certificate.json").read_text()
    (folder / "certificate.json").write_text(text.replace('"refused": 0', '"refused": 1'))
    problems = " ".join(verify_folder(folder, ""))
    for stated in ("not as the node signed it", "was changed", "is missing", "more.dcm is not in"):
        assert stated in problems
    with pytest.raises(InvalidRequest, match="is not a certificate"):
        verify_folder(folder.parent, "")


def test_what_cannot_leave_stays_by_name_and_the_others_leave(storage: Storage) -> None:
    research = project(storage)
    name = str(uuid.uuid4())
    first, second, screen = (changed(one, **PERSON) for one in mr_series(name, 3))
    receive(storage, [first, second, changed(screen, BurnedInAnnotation="YES")])
    put(storage, research, [study_uid(name)])
    export, folder = exported(storage, research)
    counts = storage.project_exports.counts(export.export_id)
    assert (counts.exported, counts.refused) == (2, 1)
    (refused,) = storage.project_exports.instances(export.export_id, refused=True)
    assert "Burned In Annotation is YES" in refused.reason
    assert len(list(folder.rglob("*.dcm"))) == 2
    assert refused.sop_instance_uid not in (folder / "certificate.json").read_text()


def test_a_document_that_is_none_keeps_its_instance_here_and_no_other(storage: Storage) -> None:
    research = project(storage)
    name = str(uuid.uuid4())
    first, second = (changed(one, **PERSON) for one in mr_series(name, 2))
    receive(storage, [first, changed(second, ICCProfile=b"%PDF-1.4 no pages ")])
    put(storage, research, [study_uid(name)])
    export, _ = exported(storage, research)
    counts = storage.project_exports.counts(export.export_id)
    assert (export.state, counts.exported, counts.refused) == ("DONE", 1, 1)


def test_a_study_that_is_moved_has_the_pseudonym_of_its_patient(storage: Storage) -> None:
    research = project(storage, split=checked_split([50, 25, 25]))
    (moved,) = filled(storage, PatientID="Q-1", PatientName="Quernhammer^Eins")
    (other,) = filled(storage, PatientID="Q-2", PatientName="Quernhammer^Zwei")
    put(storage, research, [moved, other])
    _, before = exported(storage, research)
    earlier = [one.name for one in before.iterdir() if one.is_dir()]
    assert len(earlier) == 2
    storage.patient_changes.record(
        [Statement("move", PatientKey("Q-2", ""), Demographics(), study_instance_uid=moved)],
        Origin("ada", "account:1", reason="entered at the wrong patient"),
        utcnow(),
    )
    _, after = exported(storage, research)
    patients = {str(pydicom.dcmread(one).PatientID) for one in after.rglob("*.dcm")}
    assert len(patients) == 1
    assert len((after / "patients.csv").read_text().splitlines()) == 2
    for pseudonym in earlier:
        assert reidentify(storage.projects, storage.index, research, pseudonym)


def test_a_name_known_from_another_instance_of_the_study_keeps_an_instance_here(
    storage: Storage,
) -> None:
    research = project(storage)
    name = str(uuid.uuid4())
    first, second = mr_series(name, 2)
    nameless = {"PatientName": "", "PatientID": "Q-4711"}
    receive(
        storage,
        [changed(first, **PERSON), changed(second, **nameless, Manufacturer="For Quernhammer")],
    )
    put(storage, research, [study_uid(name)])
    export, _ = exported(storage, research)
    (refused,) = storage.project_exports.instances(export.export_id, refused=True)
    assert "Manufacturer contains a name" in refused.reason
    assert "Quernhammer" not in refused.reason


def test_a_folder_with_something_in_it_is_not_touched(storage: Storage, out: str) -> None:
    research = project(storage)
    put(storage, research, filled(storage))
    folder = checked_folder(storage.settings, out)
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("mine")
    asked = storage.project_exports.add(research, out, "me")
    assert export_due(storage, "test") == 0
    failed = storage.project_exports.get(asked.export_id)
    assert failed.state == "FAILED"
    assert "is not an empty folder" in failed.last_error
    (folder / "mine.txt").unlink()
    storage.project_exports.retry(asked.export_id)
    assert export_due(storage, "test") == 1


@pytest.mark.parametrize("folder", ["..", "../out", "/tmp/out", "", "a/../../b", "a b", "a\0b"])
def test_no_folder_outside_of_the_export_folder_is_taken(storage: Storage, folder: str) -> None:
    with pytest.raises(InvalidRequest, match="is not a folder below"):
        checked_folder(storage.settings, folder)


def test_pseudonyms_lead_back_with_the_key_alone(storage: Storage) -> None:
    research, other = project(storage), project(storage)
    one, two = filled(storage, 2)
    put(storage, research, [one, two])
    put(storage, other, [one])
    _, folder = exported(storage, research)
    header = pydicom.dcmread(next(folder.rglob("*.dcm")))
    found = reidentify(storage.projects, storage.index, research, str(header.PatientID))
    assert set(found.study_instance_uids) == {one, two}
    found = reidentify(storage.projects, storage.index, research, str(header.SOPInstanceUID))
    assert len(found.study_instance_uids) == 1
    with pytest.raises(NotFound, match="has the pseudonym"):
        reidentify(storage.projects, storage.index, other, str(header.PatientID))
    with storage.engine.connect() as connection:
        kept = connection.execute(select(t.project.c.key)).scalars().all()
    assert not any(research.key.hex() in one for one in kept)
    storage.projects.delete(research)
    with pytest.raises(NotFound, match="There is no project"):
        storage.projects.get(research.name)
