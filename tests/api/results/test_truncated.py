"""The value of a part is nowhere taken for that of the structure: DICOM, report, FHIR, REST."""

import subprocess
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.annotations.feedback_reports import write_feedback_reports
from inference.imaging.volume import Volume
from inference.language.checking import evidence_of
from inference.pipeline import Measurement, PipelineOutput, Segment
from inference.pipelines.codes import CM3, VOLUME
from inference.reports.draft import draft_sections
from inference.reports.evidence import gather
from inference.reports.locale import load_locale
from inference.volume_preparation.coverage import with_validity
from storage.core.clock import utcnow
from storage.core.entities import Job
from tests import builders
from tests.api.client import ApiNode
from tests.api.fhir.test_fhir import read
from tests.api.made import made_of
from tests.inference.results_support import BRAIN, CEREBELLUM, PIPELINE, STRUCTURE, complaints, save
from tests.services import tool

SHAPE = (12, 20, 20)
SEGMENTS = (
    Segment("Brain", STRUCTURE, BRAIN, (230, 170, 90)),
    Segment("Cerebellum", STRUCTURE, CEREBELLUM, (80, 120, 220)),
)


def series(date: str, seed: int) -> list[Dataset]:
    return builders.series(
        np.zeros(SHAPE, np.int16), modality="MR", seed=seed, PatientID="P-cut", StudyDate=date
    )


def masks(*, whole: bool) -> NDArray[np.uint8]:
    """A brain amid the images, and a cerebellum that is whole or goes on below the first slice."""
    found = np.zeros(SHAPE, np.uint8)
    found[6:10, 5:15, 5:15] = 1
    found[1 if whole else 0 : 5, 6:12, 6:12] = 2
    return found


def output(*, whole: bool) -> Any:
    def of(volume: Volume) -> PipelineOutput:
        found = masks(whole=whole)
        values = [int((found == n).sum()) * volume.voxel_volume_mm3 / 1000 for n in (1, 2)]
        measurements = tuple(
            Measurement(f"{segment.label} volume", VOLUME, value, CM3, index)
            for index, (segment, value) in enumerate(zip(SEGMENTS, values, strict=True))
        )
        return with_validity(PIPELINE, PipelineOutput(SEGMENTS, found, measurements), volume)

    return of


@pytest.fixture
def cut_off(api: ApiNode) -> tuple[ApiNode, str, Job]:
    """A patient whose cerebellum was whole a year ago, and is cut off now."""
    made_of(api, series("20230101", 1), output(whole=True))
    job, _ = made_of(api, series("20240101", 2), output(whole=False), ("SC", "PDF", "KOS"))
    return api, job.study_instance_uid, job


def findings_of(api: ApiNode, study: str) -> dict[str, Any]:
    items = api.client.get(f"/api/studies/{study}/findings").json()["items"]
    return {one["label"]: one for one in items}


def result(api: ApiNode, job: Job, kind: str) -> Dataset:
    uid = next(one["sop_instance_uid"] for one in job.result["instances"] if one["kind"] == kind)
    return pydicom.dcmread(BytesIO(api.storage.instances.read(api.storage.index.instance(uid))))


def numbers(document: Dataset) -> list[Dataset]:
    found = []

    def walk(item: Dataset) -> None:
        if item.get("ValueType") == "NUM":
            found.append(item)
        for child in item.get("ContentSequence") or ():
            walk(child)

    walk(document)
    return found


def test_the_api_says_which_value_is_of_a_part(cut_off: tuple[ApiNode, str, Job]) -> None:
    api, study, _ = cut_off
    found = findings_of(api, study)
    assert found["Brain volume"]["validity"] == {
        "state": "complete",
        "cut_off_at": [],
        "reason": "",
        "caveats": [],
        "caveat_parts": [],
    }
    validity = found["Cerebellum volume"]["validity"]
    assert validity["state"] == "truncated"
    (side,) = validity["cut_off_at"]
    assert validity["reason"].startswith("The images cut it off ")
    assert side in ("inferior", "superior")


def test_it_enters_neither_comparison_nor_trend(cut_off: tuple[ApiNode, str, Job]) -> None:
    api, study, _ = cut_off
    found = findings_of(api, study)
    assert found["Brain volume"]["prior"]["change_percent"] == 0
    assert found["Cerebellum volume"]["prior"] is None
    trends = api.client.get(f"/api/studies/{study}/trend").json()["items"]
    points = {one["label"]: [point["study_date"] for point in one["points"]] for one in trends}
    assert points == {
        "Brain volume": ["2023-01-01", "2024-01-01"],
        "Cerebellum volume": ["2023-01-01"],
    }
    # Nor does a later study compare itself with it.
    later, _ = made_of(api, series("20250101", 3), output(whole=True))
    prior = findings_of(api, later.study_instance_uid)["Cerebellum volume"]["prior"]
    assert prior["study_date"] == "2023-01-01"


def test_the_sr_codes_it_beside_the_number_and_is_valid(
    cut_off: tuple[ApiNode, str, Job], tmp_path: Path
) -> None:
    api, _, job = cut_off
    document = result(api, job, "SR")
    assert complaints(save(document, tmp_path / "sr.dcm")) == []
    qualified = [one for one in numbers(document) if "ContentSequence" in one]
    (part,) = [
        one for one in qualified if any(item.ValueType == "CODE" for item in one.ContentSequence)
    ]
    code, text = part.ContentSequence[-2:]
    assert code.ConceptNameCodeSequence[0].CodeValue == "111052"
    assert code.ConceptCodeSequence[0].CodeValue == "130576"
    assert "value of a part" in text.TextValue
    value = findings_of(api, job.study_instance_uid)["Cerebellum volume"]["value"]
    assert float(part.MeasuredValueSequence[0].NumericValue) == pytest.approx(value)


def test_mask_pdf_and_key_images_say_so(cut_off: tuple[ApiNode, str, Job], tmp_path: Path) -> None:
    api, _, job = cut_off
    segmentation = result(api, job, "SEG")
    assert complaints(save(segmentation, tmp_path / "seg.dcm")) == []
    brain, cerebellum = segmentation.SegmentSequence
    assert "SegmentDescription" not in brain
    assert cerebellum.SegmentDescription.startswith("Truncated: the images cut it off")
    pdf = tmp_path / "report.pdf"
    pdf.write_bytes(result(api, job, "PDF").EncapsulatedDocument)
    done = subprocess.run(
        [tool("pdftotext", "poppler-utils"), "-layout", str(pdf), "-"],
        capture_output=True,
        text=True,
        check=True,
    )
    text = " ".join(done.stdout.split())
    assert "truncated (cut off" in text
    assert "part in the images" in text
    chosen = result(api, job, "KOS")
    words = [item.TextValue for item in chosen.ContentSequence if item.ValueType == "TEXT"]
    assert any("Cerebellum volume: truncated" in text for text in words)


@pytest.mark.parametrize(
    ("language", "phrase"),
    [("en", "Cerebellum: not measured as a whole"), ("de", "nicht vollständig gemessen")],
)
def test_the_report_never_words_it_as_a_plain_value(
    cut_off: tuple[ApiNode, str, Job], language: str, phrase: str
) -> None:
    api, study, _ = cut_off
    finding = findings_of(api, study)["Cerebellum volume"]
    sections = draft_sections(gather(api.storage, study), load_locale(language))
    about = [
        sentence
        for section in sections
        if section.kind in ("findings", "impression")
        for sentence in section.sentences
        if finding["finding_id"] in sentence.finding_ids
    ]
    worded = [one for one in about if phrase in one.text]
    assert worded
    # No number of it leaves as an HL7 NM or an SR NUM, which go by the basis.
    assert all(one.basis == "node" for one in about)
    value = load_locale(language).quantity(finding["value"], CM3)
    plain = [one for one in about if value in one.text and one not in worded]
    assert plain == []


def test_no_model_may_rest_a_sentence_on_it(cut_off: tuple[ApiNode, str, Job]) -> None:
    api, study, _ = cut_off
    known = evidence_of(
        api.storage.index,
        api.storage.findings,
        api.storage.finding_feedback,
        study_instance_uids=[study],
    )
    assert [one.label for one in known.findings] == ["Brain volume"]
    passages = {one.text for one in api.storage.passages.waiting(100)}
    assert any(one.startswith("Cerebellum volume: truncated.") for one in passages)


def test_fhir_has_no_value_of_it_but_a_reason(cut_off: tuple[ApiNode, str, Job]) -> None:
    api, study, _ = cut_off
    found = findings_of(api, study)
    part = found["Cerebellum volume"]
    observation = read(api.client.get(f"/fhir/Observation/{part['finding_id']}"), "Observation")
    assert observation.valueQuantity is None
    assert observation.dataAbsentReason.coding[0].code == "unknown"
    assert observation.dataAbsentReason.text.startswith("Truncated. The images cut it off")
    measured = [one for one in observation.component if one.valueQuantity is not None]
    assert [one.valueQuantity.value for one in measured] == [part["value"]]
    whole = api.client.get(f"/fhir/Observation/{found['Brain volume']['finding_id']}").json()
    assert "dataAbsentReason" not in whole
    assert whole["valueQuantity"]["value"] == found["Brain volume"]["value"]


def test_a_person_who_corrects_it_makes_it_the_value_of_the_whole(
    cut_off: tuple[ApiNode, str, Job], tmp_path: Path
) -> None:
    api, study, job = cut_off
    finding_id = findings_of(api, study)["Cerebellum volume"]["finding_id"]
    body = {"kind": "CORRECTED", "value": 0.2, "reason": "Measured in another series."}
    assert api.client.post(f"/api/findings/{finding_id}/feedback", json=body).status_code == 201
    observation = api.client.get(f"/fhir/Observation/{finding_id}").json()
    assert observation["valueQuantity"]["value"] == 0.2
    trends = api.client.get(f"/api/studies/{study}/trend").json()["items"]
    (trend,) = [one for one in trends if one["label"] == "Cerebellum volume"]
    assert [point["value"] for point in trend["points"]][-1] == 0.2
    assert write_feedback_reports(api.storage, utcnow() + timedelta(hours=1)) == 1
    (version,) = api.storage.feedback_reports.versions(job.job_id)
    stored = api.storage.index.instance(version.sop_instance_uid)
    document = pydicom.dcmread(BytesIO(api.storage.instances.read(stored)))
    assert complaints(save(document, tmp_path / "spoken.dcm")) == []
    corrected = [
        one for one in numbers(document) if float(one.MeasuredValueSequence[0].NumericValue) == 0.2
    ]
    assert len(corrected) == 1
    # Nothing of a part is left with it.
    (comment,) = corrected[0].ContentSequence
    assert comment.ConceptNameCodeSequence[0].CodeValue == "121106"
    assert comment.TextValue.startswith("Corrected by ")
    assert "the software had measured" in comment.TextValue


def test_an_older_finding_says_nothing_of_it(api: ApiNode) -> None:
    def of(volume: Volume) -> PipelineOutput:
        judged = output(whole=False)(volume)
        return replace(
            judged,
            measurements=tuple(replace(one, validity=None) for one in judged.measurements),
        )

    job, _ = made_of(api, series("20240101", 5), of)
    found = findings_of(api, job.study_instance_uid)
    assert {one["validity"] for one in found.values()} == {None}
