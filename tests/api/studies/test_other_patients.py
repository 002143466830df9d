"""What names another patient than the study it lies in is named to clients, and not counted in."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    ComprehensiveSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    RTStructureSetStorage,
    SegmentationStorage,
)
from sqlalchemy import update

from storage import tables as t
from storage.core.entities import Instance
from storage.core.uids import new_uid
from storage.db.engine import writing
from storage.integrity.instance_reader import InstanceReader
from storage.integrity.other_patients import OtherPatients, instances_of_other_patients
from storage.objects.s3 import S3Objects
from storage.settings import Settings
from storage.volumes.reader import VolumeReader
from tests import builders
from tests.api.client import ApiNode, part10
from tests.services import free_port


@pytest.fixture
def images(api: ApiNode) -> list[Dataset]:
    images = builders.series(np.zeros((3, 16, 20), np.int16), modality="CT", seed=31)
    for image in images:
        image.IssuerOfPatientID = "CITY"
        api.storage.ingest.accept(part10(image), "dimse:CT1")
    return images


def of(image: Dataset, modality: str, sop_class_uid: UID, **attributes: Any) -> Dataset:
    made = Dataset()
    made.update({int(one.tag): copy.copy(one) for one in image if one.tag.group < 0x0028})
    made.file_meta = copy.deepcopy(image.file_meta)
    made.Modality, made.SOPClassUID = modality, sop_class_uid
    made.SOPInstanceUID, made.SeriesInstanceUID = UID(new_uid()), UID(new_uid())
    made.file_meta.MediaStorageSOPClassUID = sop_class_uid
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def sent(api: ApiNode, document: Dataset, source: str = "dimse:OTHER") -> str:
    api.storage.ingest.accept(part10(document), source)
    return str(document.SOPInstanceUID)


def listed(api: ApiNode, image: Dataset) -> set[str]:
    answer = api.client.get(f"/api/studies/{image.StudyInstanceUID}").json()
    return {one["sop_instance_uid"] for one in answer["other_patient_instances"]}


def test_masks_contours_and_states_of_another_patient_are_named(
    api: ApiNode, images: list[Dataset]
) -> None:
    first = images[0]
    assert listed(api, first) == set()
    kinds = (
        ("SEG", SegmentationStorage),
        ("RTSTRUCT", RTStructureSetStorage),
        ("PR", GrayscaleSoftcopyPresentationStateStorage),
    )
    others = {sent(api, of(first, *kind, PatientID="P-9")) for kind in kinds}
    others.add(sent(api, of(first, "SEG", SegmentationStorage, IssuerOfPatientID="TOWN")))
    # In a series that is there already, behind one of the study's own patient.
    mine = of(first, "SEG", SegmentationStorage)
    behind = of(first, "SEG", SegmentationStorage, PatientID="P-9")
    behind.SeriesInstanceUID = mine.SeriesInstanceUID
    sent(api, mine)
    others.add(sent(api, behind))
    for attributes in ({}, {"PatientID": ""}, {"IssuerOfPatientID": ""}):
        sent(api, of(first, "SEG", SegmentationStorage, **attributes))
    # Images that came into the study of another patient, too.
    others.add(sent(api, of(first, "CT", first.SOPClassUID, PatientID="P-9", Rows=0)))
    assert listed(api, first) == others


def test_a_mask_is_looked_at_whatever_its_series_calls_itself(
    api: ApiNode, images: list[Dataset]
) -> None:
    first = images[0]
    mine = of(first, "OT", SegmentationStorage)
    behind = of(first, "OT", SegmentationStorage, PatientID="P-9")
    behind.SeriesInstanceUID = mine.SeriesInstanceUID
    sent(api, mine)
    other = sent(api, behind)
    assert listed(api, first) == {other}


def test_what_is_not_read_in_time_is_named_and_read_by_later_calls(
    api: ApiNode, images: list[Dataset]
) -> None:
    first = images[0]
    report = sent(api, of(first, "SR", ComprehensiveSRStorage, PatientID="P-9"))
    mask = sent(api, of(first, "SEG", SegmentationStorage, PatientID="P-9"))
    reader = api.storage.instances

    def look() -> OtherPatients:
        uid = str(first.StudyInstanceUID)
        return instances_of_other_patients(api.storage.engine, reader, uid, budget_s=0)

    def uids(found: list[Instance]) -> list[str]:
        return [one.sop_instance_uid for one in found]

    once = look()
    assert uids(once.others) == [mask]  # what would be drawn comes first
    assert uids(once.unchecked) == [report, str(first.SOPInstanceUID)]
    again = look()
    assert uids(again.others) == [mask, report]
    assert look().unchecked == []


def test_a_bucket_out_of_reach_is_asked_once(
    api: ApiNode, images: list[Dataset], tmp_path: Path
) -> None:
    first = images[0]
    for _ in range(3):
        sent(api, of(first, "SEG", SegmentationStorage, PatientID="P-9"))
    with writing(api.storage.engine) as connection:
        connection.execute(update(t.instance).values(volume="", object_key="somewhere"))
    bucket = S3Objects(
        Settings(
            object_store="s3",
            s3_endpoint_url=f"http://127.0.0.1:{free_port()}",
            s3_access_key_id="id",
            s3_secret_access_key=SecretStr("secret"),
        )
    )
    reader = InstanceReader(VolumeReader(tmp_path), bucket)
    uid = str(first.StudyInstanceUID)
    found = instances_of_other_patients(api.storage.engine, reader, uid, budget_s=60)
    assert (found.others, len(found.unchecked)) == ([], 4)
    # Those who ask next do not wait at all.
    assert reader.is_out_of_reach
    assert instances_of_other_patients(api.storage.engine, reader, uid, budget_s=60) == found


def test_after_a_correction_both_the_former_and_the_new_id_are_the_patients(
    api: ApiNode, images: list[Dataset]
) -> None:
    first = images[0]
    body = {
        "study_instance_uid": str(first.StudyInstanceUID),
        "patient_id": "CORRECTED",
        "patient_name": "Doe^Jane",
        "issuer_of_patient_id": "CITY",
        "reason": "Wrong patient chosen at the scanner.",
    }
    assert api.client.post("/api/patient-changes/moves", json=body).status_code == 201
    sent(api, of(first, "SEG", SegmentationStorage))
    sent(api, of(first, "SEG", SegmentationStorage, PatientID="CORRECTED"))
    other = sent(api, of(first, "SEG", SegmentationStorage, PatientID="P-9"))
    assert listed(api, first) == {other}


def test_key_images_of_another_patient_are_not_those_of_the_study(
    api: ApiNode, images: list[Dataset]
) -> None:
    first = images[0]
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "113000", "DCM"
    code.CodeMeaning = "Of Interest"
    for patient_id in ("P-9", first.PatientID):
        selection = of(first, "KO", KeyObjectSelectionDocumentStorage, PatientID=patient_id)
        selection.ConceptNameCodeSequence = Sequence([code])
        last = sent(api, selection)
    found = api.client.get(f"/api/studies/{first.StudyInstanceUID}/key-images").json()
    assert [one["sop_instance_uid"] for one in found["items"]] == [last]
