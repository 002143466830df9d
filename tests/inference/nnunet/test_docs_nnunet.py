"""docs/pipelines/nnunet.md and totalsegmentator.md, followed to the letter."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from inference.pipelines.codes import CM3
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Job
from tests import builders
from tests.inference.nnunet.phantoms import flair_series, t1_series, untrained_lesions
from tests.inference.nnunet.test_totalsegmentator import save_weights
from tests.inference.orchestration import later, receive
from tests.inference.pipelines.test_docs_pipelines import mediview
from tests.inference.results_support import complaints
from tests.inference.scheduling.four_sequences import files
from tests.inference.single_images.test_docs_images import block

VOLUME = "118565006"


def done(storage: Storage, pipeline: str) -> Job:
    decisions = [one for one in complete_and_schedule(storage, later(10)) if one.job_id]
    (job_id,) = {one.job_id for one in decisions if one.pipeline == pipeline}
    job = run_job(storage, job_id or "", "worker")
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    return job


def results_of(storage: Storage, job: Job, folder: Path) -> dict[str, Dataset]:
    """The objects that a job made by kind."""
    found = {}
    for one in job.result["instances"]:
        instance = storage.index.instance(one["sop_instance_uid"])
        path = folder / f"{one['kind']}.dcm"
        path.write_bytes(storage.instances.read(instance))
        found[one["kind"]] = pydicom.dcmread(path)
    return found


def volumes_in(item: Dataset) -> list[float]:
    """Every volume that an SR states."""
    names = item.get("ConceptNameCodeSequence") or [Dataset()]
    own = item.get("MeasuredValueSequence", ()) if names[0].get("CodeValue") == VOLUME else ()
    children = item.get("ContentSequence", ())
    return [float(one.NumericValue) for one in own] + [
        volume for one in children for volume in volumes_in(one)
    ]


@pytest.mark.slow
def test_a_model_of_nnunet_is_added_and_run_as_its_page_says(
    storage: Storage, tmp_path: Path
) -> None:
    folder = untrained_lesions(tmp_path / "lesions")
    (folder / "mediview.json").write_text(block("nnunet", "json card"))
    added = mediview(tmp_path, storage, "models", "add", "lesions")
    assert "It is active: the pipeline model-tiny-lesions runs with it." in added
    receive(storage, files([*t1_series(), *flair_series()]))
    job = done(storage, "model-tiny-lesions")
    objects = results_of(storage, job, tmp_path)
    assert [complaints(tmp_path / f"{kind}.dcm") for kind in objects] == [[], []]
    assert [one.SegmentLabel for one in objects["SEG"].SegmentSequence] == ["Whole lesion", "Core"]
    cm3 = {one.label: one.value or 0 for one in storage.findings.of_job(job.job_id)}
    assert cm3["Whole lesion volume"] > cm3["Core volume"] > 0


@pytest.mark.slow
def test_weights_of_totalsegmentator_are_added_and_run_as_its_page_says(
    storage: Storage, tmp_path: Path
) -> None:
    folder = save_weights(tmp_path / "results", parts=False)
    (folder / "mediview.json").write_text(block("totalsegmentator", "json card"))
    mediview(tmp_path, storage, "models", "add", "results")
    voxels = np.random.default_rng(4).normal(50, 500, (11, 13, 12)).astype(np.int16)
    series = builders.series(
        voxels.repeat(2, 0).repeat(4, 1).repeat(4, 2),
        modality="CT", spacing_mm=(2.5, 0.8, 0.9), directions=builders.rotation(7, -5, 11),
        ImageType=["ORIGINAL", "PRIMARY", "AXIAL"], KVP="120", PositionReferenceIndicator="",
    )  # fmt: skip
    receive(storage, files(series))
    job = done(storage, "model-totalsegmentator-total-3-mm")
    objects = results_of(storage, job, tmp_path)
    segments = objects["SEG"].SegmentSequence
    assert len(segments) > 40
    schemes = {one.SegmentedPropertyTypeCodeSequence[0].CodingSchemeDesignator for one in segments}
    assert schemes == {"SCT"}
    findings = storage.findings.of_job(job.job_id)
    labels = [str(one.SegmentLabel) for one in segments]
    # Cysts are lesions, and numbered; what is beyond the number is measured in their total.
    single = {f"{one} volume" for one in labels if not one.endswith(", others")}
    assert single <= {one.label for one in findings}
    volumes = [one for one in findings if one.unit == CM3]
    assert sorted(volumes_in(objects["SR"])) == pytest.approx(
        sorted(one.value or 0 for one in volumes), rel=1e-3
    )
