"""What is no T1 head gets no brain job and a reason that a person can act on."""

import io
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pynetdicom import AE, _config

from tests.e2e.support.fixtures import send
from tests.e2e.support.node import Node
from tests.e2e.support.studies import SentStudy, copy_with_new_uids, files, localizer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(200)]


def decided(node: Node, study: SentStudy) -> dict[str, Any]:
    """The study, once every complete series of it was offered to every pipeline."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = node.get(f"/api/studies/{study.study_instance_uid}")
        return found if found["decisions"] and found["state"] != "receiving" else None

    return node.wait_for(look, "a decision on the study", 40)


def brain_refusal(study: dict[str, Any]) -> str:
    """Why there is no brain job; fails where there is one."""
    (decision,) = [one for one in study["decisions"] if one["pipeline"] == "brain-volume"]
    assert not decision["accepted"]
    assert decision["job_id"] is None
    assert not [job for job in study["jobs"] if job["pipeline"] == "brain-volume"]
    reason: str = decision["reason"]
    assert reason.endswith(".")
    return reason


@pytest.mark.parametrize("name", ["gantrytilting_001", "notavolume_001", "sliceincrement_001"])
def test_a_series_that_is_no_volume_is_refused(node: Node, shared_data: Path, name: str) -> None:
    study = SentStudy.read(shared_data / "geometry_guards" / name)
    send(node, study)
    found = decided(node, study)
    brain_refusal(found)
    assert found["state"] == "refused"
    assert found["state_text"].endswith(".")


def test_a_thick_abdominal_ct_is_refused_as_ct(node: Node, shared_data: Path) -> None:
    study = SentStudy.read(shared_data / "seg_sr" / "dcmqi_ct-3slice")
    send(node, study)
    assert "CT" in brain_refusal(decided(node, study))


def test_a_localizer_is_refused(node: Node, head: SentStudy, study_folder: Path) -> None:
    study = localizer(head.folder, study_folder / "localizer")
    send(node, study)
    brain_refusal(decided(node, study))


def test_a_head_with_a_missing_slice_is_refused_by_name_of_the_gap(
    node: Node, head: SentStudy, study_folder: Path
) -> None:
    study = copy_with_new_uids(head.folder, study_folder / "gapped")
    # A slice in the middle is lost on the way.
    by_position = sorted(
        files(study.folder),
        key=lambda path: float(
            pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient[2]
        ),
    )
    by_position[len(by_position) // 2].unlink()
    study = SentStudy.read(study.folder)
    send(node, study)
    assert "mm" in brain_refusal(decided(node, study))


def test_a_truncated_instance_is_refused_by_dicom_with_a_status(
    node: Node, head: SentStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", True)
    broken = truncated(head, tmp_path)
    meta = pydicom.filereader.read_file_meta_info(broken)
    entity = AE("MODALITY")
    entity.add_requested_context(meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", node.dicom_port, ae_title="MEDIVIEW")
    assert association.is_established
    try:
        status = association.send_c_store(broken)
    finally:
        association.release()
    assert status.Status & 0xF000 == 0xC000, "PS3.4 Table B.2-1: cannot understand"
    assert status.ErrorComment
    answer = node.api.get(f"/dicom-web/instances?SOPInstanceUID={meta.MediaStorageSOPInstanceUID}")
    assert answer.status_code in (200, 204)
    assert not answer.content or answer.json() == []


def test_a_truncated_upload_is_refused_with_its_reason(
    node: Node, head: SentStudy, tmp_path: Path
) -> None:
    broken = truncated(head, tmp_path)
    answer = node.api.post("/api/analyze", files={"files": ("broken.dcm", broken.read_bytes())})
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["detail"].endswith(".")


def truncated(head: SentStudy, folder: Path) -> Path:
    """An instance of the head, under a new UID, that ends in the middle of its pixels."""
    instance = pydicom.dcmread(files(head.folder)[0])
    instance.SOPInstanceUID = pydicom.uid.generate_uid()
    instance.file_meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
    buffer = io.BytesIO()
    instance.save_as(buffer, enforce_file_format=True)
    path = folder / "broken.dcm"
    path.write_bytes(buffer.getvalue()[: -len(instance.PixelData) // 2])
    return path
