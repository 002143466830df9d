"""A mask that a person changed: new SEG, new SR, volumes measured again, nothing lost."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import highdicom as hd
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.volume import Volume
from inference.pipeline import PipelineOutput
from storage.core.clock import utcnow
from storage.core.entities import Job
from tests import builders
from tests.api.client import ApiNode, is_problem
from tests.api.made import made_of
from tests.inference.results_support import complaints, output_of, save

SHAPE = (9, 12, 14)
VOXEL_MM3 = 2.5 * 0.8 * 0.6


def images() -> list[Dataset]:
    return builders.series(
        np.random.default_rng(2).integers(0, 500, SHAPE, dtype=np.int16),
        directions=builders.rotation(20, -10, 75),
        seed=41,
    )


def made(
    api: ApiNode, series: Sequence[Dataset], masks: Sequence[NDArray[np.bool_]]
) -> tuple[Job, Volume]:
    """The result of a job as the worker leaves it."""
    return made_of(api, series, lambda volume: output_of(volume, *masks))


def made_by(job: Job | dict[str, Any], kind: str) -> str:
    entries = job.result["instances"] if isinstance(job, Job) else job["results"]
    (uid,) = [one["sop_instance_uid"] for one in entries if one["kind"] == kind]
    return str(uid)


def edit(
    api: ApiNode,
    job: Job,
    uid: str,
    values: NDArray[np.uint8],
    slices: Sequence[str],
    numbers: Sequence[int] = (1,),
    packed: bytes | None = None,
) -> httpx.Response:
    stated = {
        "segment_numbers": list(numbers),
        "slices": [{"sop_instance_uid": one} for one in slices],
        "rows": values.shape[1],
        "columns": values.shape[2],
        "reason": "The mask leaves out a corner.",
    }
    return api.client.post(
        f"/api/studies/{job.study_instance_uid}/segmentations/{uid}/edits",
        data={"edit": json.dumps(stated)},
        files={"labels": ("labels", packed or gzip.compress(values.tobytes()))},
    )


def masks_of(api: ApiNode, uid: str, volume: Volume) -> NDArray[np.uint8]:
    """Slices, rows, columns, segments: as highdicom reads them, in the order of the volume."""
    dataset = api.storage.instances.dataset(api.storage.index.instance(uid))
    segmentation = hd.seg.Segmentation.from_dataset(dataset)
    found: NDArray[np.uint8] = segmentation.get_pixels_by_source_instance(
        list(volume.sop_instance_uids), assert_missing_frames_are_empty=True
    )
    return found


def document(api: ApiNode, uid: str) -> Dataset:
    return api.storage.instances.dataset(api.storage.index.instance(uid))


def test_an_edit_gives_a_new_mask_and_a_report_that_replaces_the_old_one(
    stored_api: ApiNode, tmp_path: Path
) -> None:
    api, series = stored_api, images()
    first = builders.asymmetric_mask(SHAPE)
    second = np.flip(first, 2) & ~first
    job, volume = made(api, series, [first, second])
    wanted = first.copy()
    wanted[3:5, 5:9, 6:9] = True
    wanted &= ~second
    # The last slice first: only what is named changes, whatever the order.
    order = [4, 3]
    values = wanted[order].astype(np.uint8)
    seg = made_by(job, "SEG")
    answer = edit(api, job, seg, values, [volume.sop_instance_uids[k] for k in order])
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert (shown["state"], shown["edited_by"]) == ("completed", "local")
    expected = first.copy()
    expected[order] = wanted[order]
    new = made_by(shown, "SEG")
    assert np.array_equal(masks_of(api, new, volume), np.stack([expected, second], axis=-1))
    assert np.array_equal(masks_of(api, seg, volume), np.stack([first, second], axis=-1))
    found = {one["label"]: one["value"] for one in shown["findings"]}
    assert found == {
        "Brain volume": pytest.approx(expected.sum() * VOXEL_MM3 / 1000, abs=6e-4),
        "Cerebellum volume": pytest.approx(second.sum() * VOXEL_MM3 / 1000, abs=6e-4),
    }
    listed = api.client.get(f"/api/studies/{job.study_instance_uid}/findings").json()["items"]
    assert {one["job_id"] for one in listed} == {shown["job_id"]}
    report, old = document(api, made_by(shown, "SR")), document(api, made_by(job, "SR"))
    (reference,) = (
        report.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    )
    assert reference.ReferencedSOPInstanceUID == old.SOPInstanceUID
    edited = document(api, new)
    assert [one.SegmentAlgorithmType for one in edited.SegmentSequence] == [
        "SEMIAUTOMATIC",
        "AUTOMATIC",
    ]
    assert [one.TrackingUID for one in edited.SegmentSequence] == [
        one.TrackingUID for one in document(api, seg).SegmentSequence
    ]
    assert str(edited.ContentCreatorName) == "local"
    for one in (edited, report):
        assert complaints(save(one, tmp_path / "one.dcm")) == []


def test_an_edit_of_an_edit_goes_on_and_a_late_one_hears_409(api: ApiNode) -> None:
    series = images()
    mask = builders.asymmetric_mask(SHAPE)
    job, volume = made(api, series, [mask])
    uid, slices = made_by(job, "SEG"), volume.sop_instance_uids[4:5]
    values = np.zeros((1, *SHAPE[1:]), np.uint8)
    values[0, 2:9, 3:4] = 1
    once = edit(api, job, uid, values, slices).json()
    is_problem(edit(api, job, uid, values, slices), 409, "uid_conflict")
    values[0, 2:9, 3:4] = 0
    values[0, 5, 5:9] = 1
    twice = edit(api, job, made_by(once, "SEG"), values, slices)
    assert twice.status_code == 201, twice.text
    chain = document(api, made_by(twice.json(), "SR")).PredecessorDocumentsSequence
    reference = chain[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert reference.ReferencedSOPInstanceUID == made_by(once, "SR")


def test_what_a_detector_found_elsewhere_stays_as_it_is(api: ApiNode) -> None:
    """Two boxes, of which a person changes one: the other keeps its size and its confidence."""
    masks = [np.zeros(SHAPE, np.bool_) for _ in range(2)]
    masks[0][2:5, 2:6, 2:6] = True
    masks[1][5:8, 4:10, 8:12] = True

    def boxes(volume: Volume) -> PipelineOutput:
        output = output_of(volume, *masks)
        return replace(
            output,
            segments=tuple(replace(one, is_lesion=True, is_box=True) for one in output.segments),
            measurements=tuple(replace(one, confidence=0.75) for one in output.measurements),
        )

    job, volume = made_of(api, images(), boxes)
    before = {one.segment_number: one for one in api.storage.lesions.of_jobs([job.job_id])}
    values = np.zeros((1, *SHAPE[1:]), np.uint8)
    values[0, 2:5, 2:5] = 1
    answer = edit(api, job, made_by(job, "SEG"), values, volume.sop_instance_uids[3:4])
    assert answer.status_code == 201, answer.text
    edited = answer.json()
    confidence = {one["label"]: one["confidence"] for one in edited["findings"]}
    assert confidence == {"Brain volume": None, "Cerebellum volume": 0.75}
    after = {one.segment_number: one for one in api.storage.lesions.of_jobs([edited["job_id"]])}
    assert after[1].axes_method == "half-pixel"
    same = replace(before[2], job_id=after[2].job_id, created_at=after[2].created_at)
    assert after[2] == same


@pytest.mark.parametrize("running", [False, True], ids=["waits", "runs"])
def test_a_mask_can_be_edited_while_its_pipeline_is_to_run_again(
    api: ApiNode, running: bool
) -> None:
    job, volume = made(api, images(), [builders.asymmetric_mask(SHAPE)])
    again = api.client.post(f"/api/jobs/{job.job_id}/retry", json={"force": True}).json()
    assert again["state"] == "scheduled"
    if running:
        assert api.storage.jobs.claim(job.job_id, "worker", 60, utcnow())
        assert api.storage.jobs.progress(job.job_id, "worker", "running", 0.3, utcnow())
    values = np.zeros((1, *SHAPE[1:]), np.uint8)
    values[0, 3:6, 3:6] = 1
    answer = edit(api, job, made_by(job, "SEG"), values, volume.sop_instance_uids[4:5])
    assert answer.status_code == 201, answer.text
    edited = answer.json()
    assert (edited["state"], edited["stage_text"], edited["progress"]) == ("completed", "Done.", 1)
    # Nothing of the run that goes on passes to the edit.
    path = f"/api/jobs/{edited['job_id']}/cancel"
    assert api.client.post(path, json={"reason": "No time."}).status_code == 409
    (before,) = document(api, made_by(edited, "SR")).PredecessorDocumentsSequence
    (reference,) = before.ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert reference.ReferencedSOPInstanceUID == made_by(job, "SR")


def test_masks_that_overlap_can_be_edited_one_by_one(api: ApiNode) -> None:
    series = images()
    mask = builders.asymmetric_mask(SHAPE)
    job, volume = made(api, series, [mask, mask])
    values = np.zeros((1, *SHAPE[1:]), np.uint8)
    values[0, 3:6, 3:6] = 2
    answer = edit(api, job, made_by(job, "SEG"), values, volume.sop_instance_uids[2:3], numbers=[2])
    found = masks_of(api, made_by(answer.json(), "SEG"), volume)
    assert np.array_equal(found[..., 0], mask)
    assert np.array_equal(found[2, ..., 1], values[0] == 2)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"values": np.full((1, *SHAPE[1:]), 3, np.uint8)}, 400),
        ({"values": np.zeros((1, 4, 14), np.uint8)}, 400),
        ({"numbers": [7]}, 400),
        ({"slices": ["1.2.3"]}, 400),
        ({"packed": b"no gzip"}, 422),
        ({"packed": gzip.compress(bytes(9999))}, 422),
        ({"uid": "2.25.5"}, 404),
    ],
)
def test_what_does_not_fit_the_mask_is_refused_and_changes_nothing(
    api: ApiNode, change: dict[str, Any], status: int
) -> None:
    job, volume = made(api, images(), [builders.asymmetric_mask(SHAPE)])
    asked: dict[str, Any] = {
        "uid": made_by(job, "SEG"),
        "values": np.zeros((1, *SHAPE[1:]), np.uint8),
        "slices": volume.sop_instance_uids[:1],
        **change,
    }
    before = api.client.get("/api/jobs").json()
    answer = edit(api, job, **asked)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]
    assert api.client.get("/api/jobs").json() == before


def test_the_trend_shows_each_quantity_over_the_patients_studies(api: ApiNode) -> None:
    mask = builders.asymmetric_mask(SHAPE)
    studies = []
    for seed, date in ((51, "20230101"), (52, "20240101")):
        series = builders.series(
            np.zeros(SHAPE, np.int16), seed=seed, PatientID="P9", StudyDate=date
        )
        job, _ = made(api, series, [mask])
        studies.append(job.study_instance_uid)
    (trend,) = api.client.get(f"/api/studies/{studies[0]}/trend").json()["items"]
    assert trend["label"] == "Brain volume"
    assert [one["study_instance_uid"] for one in trend["points"]] == studies
    assert [one["study_date"] for one in trend["points"]] == ["2023-01-01", "2024-01-01"]
    is_problem(api.client.get("/api/studies/2.25.9/trend"), 404, "not_found")
