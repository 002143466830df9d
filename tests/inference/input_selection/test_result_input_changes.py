"""What follows for a result where the one it rests on is edited, withdrawn, late or deleted."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from inference.imaging.volume import assemble_volume
from inference.mask_edits.label_map import LabelMap
from inference.mask_edits.service import edit_mask
from inference.results.author import Author
from storage.container import Storage
from storage.core.clock import utcnow
from tests.inference.input_selection.chained import (
    COARSE,
    COARSE_SHAPE,
    LUNG_MM,
    LUNGS,
    NODULE_RADIUS_MM,
    OUTSIDE_MM,
    RADIUS_MM,
    STUDY,
    add_lungs,
    add_nodules,
    ball,
    chest,
    decided,
    done,
    volume_cm3,
)
from tests.inference.input_selection.two_pipelines import both, seg_of
from tests.inference.orchestration import receive, storage_in
from tests.inference.scheduling.four_sequences import centres, files


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def test_what_is_withdrawn_or_late_takes_along_what_rests_on_it(
    storage: Storage, tmp_path: Path
) -> None:
    both(storage, tmp_path)
    slices = chest()
    decided(storage, slices[:-1])
    lungs = done(storage, decided(storage, pipeline=LUNGS))
    job = done(storage, decided(storage))
    receive(storage, files(slices[-1:]))
    waiting = decided(storage)
    assert waiting.reason.startswith("Waits for Lungs: ")
    assert {storage.jobs.get(one.job_id).status for one in (lungs, job)} == {"SUPERSEDED"}
    assert storage.findings.of_study(STUDY) == []
    done(storage, decided(storage, pipeline=LUNGS))
    again = done(storage, decided(storage))
    assert again.job_id != job.job_id
    # The one alone is withdrawn: what took it is, in the same transaction.
    upstream = again.result["inputs"][1]["result"]["job_id"]
    assert storage.withdrawals.supersede(upstream, "Wrong.", utcnow())
    withdrawn = storage.jobs.get(again.job_id)
    assert withdrawn.status == "SUPERSEDED"
    assert withdrawn.reason.startswith("A result of another pipeline that the job took")
    # A job that waits finds it gone.
    assert not decided(storage).accepted


def test_an_edited_mask_revises_what_was_found_in_it(storage: Storage, tmp_path: Path) -> None:
    both(storage, tmp_path)
    series = chest()
    decided(storage, series)
    lungs = done(storage, decided(storage, pipeline=LUNGS))
    job = done(storage, decided(storage))
    assert volume_cm3(storage, job) > 0.5
    volume = assemble_volume(series)
    where = centres(volume.voxels.shape, volume.lps_from_kji)
    # A person gives the nodule beside the lung to it.
    wanted = ball(where, LUNG_MM, RADIUS_MM) | ball(where, OUTSIDE_MM, NODULE_RADIUS_MM)
    slices = tuple(zip(volume.sop_instance_uids, volume.frame_numbers, strict=True))
    drawn = LabelMap(slices, (1,), wanted.astype(np.uint8))
    edited = edit_mask(storage, STUDY, seg_of(lungs), drawn, Author("Ada", True), "It is lung.")
    found = decided(storage)
    assert found.job_id != job.job_id
    assert storage.jobs.get(job.job_id).status == "SUPERSEDED"
    revised = done(storage, found)
    # Both nodules together.
    assert volume_cm3(storage, revised) > 1.7 * volume_cm3(storage, job)
    assert revised.result["inputs"][1]["result"]["job_id"] == edited.job_id


def test_a_deleted_series_takes_along_what_was_found_with_its_result(
    storage: Storage, tmp_path: Path
) -> None:
    coarse = {"all": [{"Modality": "CT"}, {"slices": {"at_most": 15}}]}
    add_lungs(storage, tmp_path / "lungs", accepts=coarse)
    add_nodules(storage, tmp_path / "nodules")
    decided(storage, chest(4, COARSE_SHAPE, COARSE), chest())
    done(storage, decided(storage, pipeline=LUNGS, number=4))
    job = done(storage, decided(storage))
    storage.deletions.series(STUDY, f"{STUDY}.4")
    jobs, _ = storage.jobs.list(study_instance_uid=STUDY)
    assert job.job_id not in {one.job_id for one in jobs}
