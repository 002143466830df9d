"""A pipeline that takes what another one found: lungs, and nodules in them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest
import SimpleITK
from sqlalchemy import event, literal, select

from inference.imaging.volume import assemble_volume
from inference.scheduling.new_results import look_for_results_again
from inference.worker.run import run_job
from storage import tables as t
from storage.container import Storage
from storage.core.clock import utcnow
from storage.db.due.studies import mark_due
from storage.db.engine import writing
from tests.inference.input_selection.chained import (
    COARSE,
    COARSE_SHAPE,
    LUNG,
    LUNGS,
    STUDY,
    add,
    add_lungs,
    add_nodules,
    chest,
    decided,
    done,
    network_in,
    nodules_card,
    volume_cm3,
)
from tests.inference.input_selection.two_pipelines import NODULE_CM3, both, placed, seg_of
from tests.inference.orchestration import later, storage_in


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def test_it_waits_for_the_result_and_finds_what_lies_in_it(
    storage: Storage, tmp_path: Path
) -> None:
    both(storage, tmp_path)
    waiting = decided(storage, chest())
    assert not waiting.accepted
    assert waiting.reason == f"Waits for Lungs: {LUNGS} on series 3 has not ended yet."
    lungs = done(storage, decided(storage, pipeline=LUNGS))
    found = decided(storage)
    assert f"Lungs: {LUNGS} 1.0 on series 3" in found.reason
    job = done(storage, found)
    # The nodule in the lung alone, and not the one beside it.
    assert volume_cm3(storage, job) == pytest.approx(NODULE_CM3, rel=0.15)
    stated = {one["role"]: one for one in job.result["inputs"]}
    assert stated["lungs"]["result"] == {
        "job_id": lungs.job_id,
        "pipeline": LUNGS,
        "pipeline_version": "1.0",
        "series_instance_uid": f"{STUDY}.3",
        "segments": ["Lung"],
    }
    assert any(f"Lungs by {LUNGS} 1.0, on its grid" in one for one in job.result["notes"])
    made = {one["kind"]: one["sop_instance_uid"] for one in job.result["instances"]}
    report = storage.instances.dataset(storage.generated.instance(made["SR"]))
    assert f"result_lungs={LUNGS} 1.0" in report.to_json()
    evidence = {
        item.ReferencedSOPInstanceUID
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    segmentation = next(
        one["sop_instance_uid"] for one in lungs.result["instances"] if one["kind"] == "SEG"
    )
    assert segmentation in evidence
    # Nothing new: asked again, it is the same job.
    assert decided(storage).job_id == job.job_id
    assert look_for_results_again(storage, later(10)) == 0


def test_a_job_that_ends_on_a_node_without_chains_writes_no_row_of_others(
    storage: Storage,
) -> None:
    now = utcnow()
    written = 0

    def count(_: object, cursor: Any, statement: str, *_others: object) -> None:
        nonlocal written
        if statement.startswith("UPDATE result_due"):
            written += cursor.rowcount

    def end(number: int, at: datetime) -> None:
        with writing(storage.engine) as connection:
            study = select(literal(f"1.2.{number}")).where(literal(1) == 1)
            mark_due(connection, t.result_due, study, at)
        assert look_for_results_again(storage, at, []) == 0

    event.listen(storage.engine, "after_cursor_execute", count)
    for number in range(40):
        end(number, now + timedelta(milliseconds=number))
    # Each once, and all of them again where the clock has come to the next five minutes meanwhile.
    assert 40 <= written <= 80
    assert storage.due_for_results.due(now + timedelta(seconds=1), 100) == []
    assert len(storage.due_for_results.due(now + timedelta(minutes=6), 100)) == 40


def test_why_it_is_not_run_where_the_other_cannot_or_failed(
    storage: Storage, tmp_path: Path
) -> None:
    add_nodules(storage, tmp_path / "nodules")
    assert decided(storage, chest()).reason == (
        f"There is no Lungs, a result of {LUNGS}, which was not asked: this node has no pipeline of"
        " that name."
    )
    add_lungs(
        storage,
        tmp_path / "lungs",
        accepts={"all": [{"Modality": "CT"}, {"slices": {"at_least": 90}}]},
    )
    reason = decided(storage, chest(4, grid={**COARSE, "spacing_mm": (3.0, 2.0, 2.0)})).reason
    assert f"a result of {LUNGS}, which does not run. series 4: The card wants slices" in reason


def test_a_failed_one_is_named_and_one_that_is_tried_again_brings_the_job(
    storage: Storage, tmp_path: Path
) -> None:
    both(storage, tmp_path)
    decided(storage, chest())
    job_id = decided(storage, pipeline=LUNGS).job_id or ""
    assert storage.jobs.claim(job_id, "worker", 60, utcnow())
    storage.jobs.fail(job_id, "worker", "Out of memory.", utcnow(), retry=False)
    assert decided(storage).reason == (
        f"There is no Lungs, a result of {LUNGS}. {LUNGS} on series 3 failed: Out of memory."
    )
    assert storage.jobs.retry(job_id, utcnow())
    run_job(storage, job_id, "worker")
    assert decided(storage).accepted


def test_one_that_is_not_required_is_done_without_where_it_fails_and_waited_for_before(
    storage: Storage, tmp_path: Path
) -> None:
    add_lungs(storage, tmp_path / "lungs")
    optional = {"result_of": {"pipeline": LUNGS, "values": [-1000, 400]}, "required": False}
    network_in(tmp_path / "nodules", [1.0, 1.0], 0.6)
    add(storage, tmp_path / "nodules", nodules_card(optional))
    assert decided(storage, chest()).reason.startswith("Waits for Lungs: ")
    job_id = decided(storage, pipeline=LUNGS).job_id or ""
    storage.jobs.cancel(job_id, "Not today.", utcnow())
    found = decided(storage)
    assert f"Without Lungs, which is not required. There is no Lungs, a result of {LUNGS}" in (
        found.reason
    )
    assert "was cancelled: Not today." in found.reason
    job = done(storage, found)
    assert any("Lungs not there, given as -1000 everywhere" in one for one in job.result["notes"])
    storage.jobs.retry(job_id, utcnow())
    run_job(storage, job_id, "worker")
    assert decided(storage).job_id != job.job_id
    assert storage.jobs.get(job.job_id).status == "SUPERSEDED"


def test_a_truncated_result_is_none(storage: Storage, tmp_path: Path) -> None:
    both(storage, tmp_path)
    decided(storage, chest(lung_mm=(-30, 0, 0)))
    done(storage, decided(storage, pipeline=LUNGS))
    reason = decided(storage).reason
    assert f"Lung volume by {LUNGS} on series 3 is truncated: " in reason


def test_the_mask_of_a_coarser_tilted_series_is_resampled_and_the_transform_stated(
    storage: Storage, tmp_path: Path
) -> None:
    coarse = {"all": [{"Modality": "CT"}, {"slices": {"at_most": 15}}]}
    add_lungs(storage, tmp_path / "lungs", accepts=coarse)
    add_nodules(storage, tmp_path / "nodules")
    thick, thin = chest(4, COARSE_SHAPE, COARSE), chest()
    decided(storage, thick, thin)
    done(storage, decided(storage, pipeline=LUNGS, number=4))
    job = done(storage, decided(storage))
    stated = job.result["inputs"][1]["result"]
    source, reference = assemble_volume(thick), assemble_volume(thin)
    matrix = np.array(stated["result_from_reference"])
    index = np.array([11.0, 17.0, 25.0, 1.0])
    assert np.allclose(
        source.lps_from_kji @ matrix @ index, reference.lps_from_kji @ index, atol=1e-6
    )
    assert any(
        f"Lungs by {LUNGS} 1.0, resampled, nearest voxel" in it for it in job.result["notes"]
    )
    report = storage.instances.dataset(storage.generated.instance(seg_of(job, "SR")))
    assert "lungs_kji_from_reference_kji=" in report.to_json()
    # As another tool lays it there, but for voxels that lie halfway between two.
    theirs = SimpleITK.GetArrayFromImage(
        SimpleITK.Resample(
            placed((source.voxels < -350).astype(np.float32), source),
            placed(reference.voxels, reference),
            SimpleITK.Transform(),
            SimpleITK.sitkNearestNeighbor,
            0.0,
        )
    )
    found = hd.seg.Segmentation.from_dataset(
        storage.instances.dataset(storage.generated.instance(seg_of(job)))
    ).get_pixels_by_source_instance(
        list(reference.sop_instance_uids), assert_missing_frames_are_empty=True
    )
    expected = (theirs > 0) & (reference.voxels > -600)
    assert expected.sum() > 100
    assert (found.any(axis=-1) != expected).sum() <= 3


def test_a_result_is_found_by_what_it_is_without_the_name_of_its_pipeline(
    storage: Storage, tmp_path: Path
) -> None:
    wanted = {"result_of": {"segments": [LUNG[:2]], "values": [-1000, 400]}}
    add_nodules(storage, tmp_path / "nodules", lungs=wanted)
    add_lungs(storage, tmp_path / "lungs")
    assert decided(storage, chest()).reason == (
        "There is no Lungs, a result of another pipeline: none in the study has segments of"
        " 39607008 (SCT)."
    )
    done(storage, decided(storage, pipeline=LUNGS))
    job = done(storage, decided(storage))
    assert volume_cm3(storage, job) == pytest.approx(NODULE_CM3, rel=0.15)
