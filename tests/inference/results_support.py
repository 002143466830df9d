"""A job, a pipeline and an output to encode, and the tools that read what comes of them."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.volume import Volume, assemble_volume
from inference.pipeline import Measurement, PipelineOutput, Segment
from inference.pipelines.brain.brain_volume import BrainVolume
from inference.results.encode import EncodedResults, encode_results
from storage.core.entities import Job
from storage.core.findings import Code
from tests.services import tool
from tests.standard.validator import validator_complaints

PIPELINE = BrainVolume()
STRUCTURE = Code("123037004", "SCT", "Anatomical Structure")
BRAIN = Code("12738006", "SCT", "Brain")
CEREBELLUM = Code("113305005", "SCT", "Cerebellum")
VOLUME = Code("118565006", "SCT", "Volume")
CM3 = Code("cm3", "UCUM", "cubic centimeter")


def job_for(volume: Volume | None, **changes: object) -> Job:
    """A job as the scheduler makes it, over the series of a volume."""
    now = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
    stated: dict[str, object] = {
        "job_id": "job-1", "pipeline": PIPELINE.name, "pipeline_version": PIPELINE.version,
        "study_instance_uid": volume.study_instance_uid if volume else "",
        "series_instance_uid": volume.series_instance_uid if volume else "",
        "input_fingerprint": "fingerprint", "input_object_key": "", "state": "IN PROGRESS",
        "stage": "", "progress": 0.0, "reason": "", "priority": 0, "attempts": 1,
        "lease_owner": "", "lease_expires_at": None, "created_at": now, "started_at": None,
        "finished_at": None, "updated_at": now,
    }  # fmt: skip
    return Job(**{**stated, **changes})  # type: ignore[arg-type]


def output_of(volume: Volume, *masks: NDArray[np.bool_]) -> PipelineOutput:
    """Each mask as a segment with its volume in cm³."""
    kinds = [("Brain", BRAIN, (232, 170, 90)), ("Cerebellum", CEREBELLUM, (80, 120, 220))]
    segments = tuple(
        Segment(label, STRUCTURE, code, color)
        for (label, code, color), _ in zip(kinds, masks, strict=False)
    )
    measurements = tuple(
        Measurement(
            f"{segment.label} volume",
            VOLUME,
            int(mask.sum()) * volume.voxel_volume_mm3 / 1000,
            CM3,
            index,
        )
        for index, (segment, mask) in enumerate(zip(segments, masks, strict=False))
    )
    return PipelineOutput(
        segments=segments, masks=np.stack(masks, axis=-1), measurements=measurements
    )


def encode(datasets: list[Dataset], *masks: NDArray[np.bool_], **changes: object) -> EncodedResults:
    """Everything that one job over `datasets` gives."""
    volume = assemble_volume(datasets)
    job = job_for(volume, **changes)
    return encode_results(job, PIPELINE, datasets, volume, output_of(volume, *masks))


def result(results: EncodedResults, kind: str) -> Dataset:
    """The SEG or the SR of one job."""
    (found,) = [item.dataset for item in results.objects if item.kind == kind]
    return found


def save(dataset: Dataset, path: Path) -> Path:
    """As a part-10 file."""
    dataset.save_as(path, enforce_file_format=True)
    return path


def complaints(path: Path) -> list[str]:
    """The errors that dciodvfy, with and without its -new checks, and dicom-validator find."""
    lines: list[str] = []
    for options in ([], ["-new"]):
        done = subprocess.run(
            [tool("dciodvfy", "dicom3tools"), *options, str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        lines += [line for line in (done.stdout + done.stderr).splitlines() if "Error" in line]
    return lines + validator_complaints(path)
