"""Cines of one bright part that grows and shrinks, and a model that marks it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.model_registry.adding import add_model
from storage.container import Storage
from storage.core.findings import Finding
from tests.inference.films import bright_segmenter
from tests.inference.single_images.support import done

ROWS, COLUMNS = 60, 80
HEIGHTS = (0, 20, 8, 30, 0, 12)
"""Of the bright part of each frame; the first is blank, the fifth shows something else."""


def added(storage: Storage, folder: Path, **changes: Any) -> None:
    changes = {"frames": {}, "image": {"channels": 1}, **changes}
    made = bright_segmenter(folder, **changes)
    add_model(storage.settings, storage.model_states, storage.shadow_runs, made, "petra")


def beating() -> NDArray[np.uint8]:
    """40 columns, and as many rows as `HEIGHTS` says, from row 10."""
    frames = np.full((len(HEIGHTS), ROWS, COLUMNS), 20, np.uint8)
    for frame, height in zip(frames, HEIGHTS, strict=True):
        frame[10 : 10 + height, 20:60] = 250
    frames[0] = 0
    frames[4, 0, 0] = 0
    return frames


def region(top: int, bottom: int, **changes: Any) -> Dataset:
    """An ultrasound region of all columns: 0.5 mm between columns, 0.25 mm between rows."""
    one = Dataset()
    one.RegionSpatialFormat, one.RegionDataType, one.RegionFlags = 1, 1, 0
    one.RegionLocationMinX0, one.RegionLocationMaxX1 = 0, COLUMNS - 1
    one.RegionLocationMinY0, one.RegionLocationMaxY1 = top, bottom
    one.PhysicalUnitsXDirection = one.PhysicalUnitsYDirection = 3
    one.PhysicalDeltaX, one.PhysicalDeltaY = 0.05, 0.025
    for keyword, value in changes.items():
        setattr(one, keyword, value)
    return one


def found(storage: Storage, *images: Dataset) -> dict[str, Finding]:
    job = done(storage, *images)
    return {one.label: one for one in storage.findings.of_job(job.job_id)}


def frame_of(finding: Finding) -> int | None:
    assert finding.image is not None
    return finding.image.frame_number
