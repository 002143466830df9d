"""Lungs and nodules in them, from two pipelines: what is stored of both."""

from pathlib import Path

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from inference.imaging.volume import Volume
from storage.container import Storage
from storage.core.entities import Job
from tests.inference.input_selection.chained import (
    NODULE_RADIUS_MM,
    add_lungs,
    add_nodules,
)

NODULE_CM3 = 4 / 3 * np.pi * NODULE_RADIUS_MM**3 / 1000


def both(storage: Storage, folder: Path) -> None:
    # In the catalogue the one that takes the result comes before its source by its name.
    add_nodules(storage, folder / "nodules")
    add_lungs(storage, folder / "lungs")


def seg_of(job: Job, kind: str = "SEG") -> str:
    (uid,) = [one["sop_instance_uid"] for one in job.result["instances"] if one["kind"] == kind]
    return uid


def placed(voxels: NDArray[np.float32], on: Volume) -> SimpleITK.Image:
    """As an image of SimpleITK."""
    image = SimpleITK.GetImageFromArray(voxels)
    columns = on.lps_from_kji[:3, 2::-1]
    spacing_mm = np.linalg.norm(columns, axis=0)
    image.SetSpacing(spacing_mm.tolist())
    image.SetDirection((columns / spacing_mm).ravel().tolist())
    image.SetOrigin(on.lps_from_kji[:3, 3].tolist())
    return image
