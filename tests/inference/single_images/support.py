"""What becomes of images that a model is given: decided, run, and what its results hold."""

import io
from collections.abc import Sequence

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.heat_pixels import on_pixels
from inference.pipeline import ImageResult, PipelineContext
from inference.pipelines.catalogue import pipeline_named
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Decision, Job
from storage.core.findings import Finding
from tests.inference.films import part10
from tests.inference.orchestration import later, receive

PIPELINE = "model-bright-part"


def decided(storage: Storage, *datasets: Dataset, name: str = PIPELINE) -> Decision:
    receive(storage, [part10(one) for one in datasets])
    found = {one.pipeline: one for one in complete_and_schedule(storage, later(10))}
    return found[name]


def done(storage: Storage, *datasets: Dataset, name: str = PIPELINE) -> Job:
    job = ran(storage, decided(storage, *datasets, name=name))
    assert (job.state, job.reason) == ("COMPLETED", "")
    return job


def objects(storage: Storage, job: Job, kind: str) -> list[Dataset]:
    return [
        pydicom.dcmread(
            io.BytesIO(storage.instances.read(storage.index.instance(one["sop_instance_uid"])))
        )
        for one in job.result["instances"]
        if one["kind"] == kind
    ]


def analysed(storage: Storage, *datasets: Dataset, name: str = PIPELINE) -> Sequence[ImageResult]:
    context = PipelineContext(storage.settings, images=datasets)
    return pipeline_named(storage.settings, name).run(context).images


def heat_of(result: ImageResult) -> NDArray[np.float32]:
    """Of each pixel of the image; NaN where the model was shown nothing of it."""
    assert result.heated is not None
    assert result.heated.heat_map is not None
    return on_pixels(result.heated.heat_map, *result.shown.shape[:2])


def box_of(finding: Finding) -> list[float]:
    """Left, top, right, bottom of a box that is parallel to rows and columns."""
    assert finding.image is not None
    assert finding.image.graphic_type == "POLYLINE"
    assert finding.image.points[0] == finding.image.points[-1]
    points = np.array(finding.image.points)
    assert len(np.unique(points, axis=0)) == 4
    return [*points.min(axis=0), *points.max(axis=0)]


GRID = {"channels": 1, "resize": {"size": [60, 80]}}
SQUARE_GRID = {"channels": 1, "resize": {"size": [80, 80], "fit": "pad"}}
UPRIGHT = {**SQUARE_GRID, "orientation": ["L", "F"]}


def ran(storage: Storage, decision: Decision) -> Job:
    """The job of a decision that accepts, run to its end."""
    assert decision.accepted, decision.reason
    job = run_job(storage, decision.job_id or "", "worker")
    assert job is not None
    return job


def probability(storage: Storage, job: Job, label: str) -> float:
    """Of the only answer of that name."""
    assert (job.state, job.reason) == ("COMPLETED", "")
    (found,) = [one for one in storage.findings.of_job(job.job_id) if one.label == label]
    return float(found.confidence or 0)
