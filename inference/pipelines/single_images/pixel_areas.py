"""What a pixel of an image is worth in the patient, where a mask lies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.calibration.decision import calibration_of
from inference.calibration.entities import PlaneScale
from inference.calibration.scale import NotMeasurable, Point, scale_at
from storage.core.findings import Code

AREA = Code("42798000", "SCT", "Area")
MM2 = Code("mm2", "UCUM", "square millimeter")


def pixel_area_mm2(dataset: Dataset, frame_number: int, mask: NDArray[np.bool_]) -> float | None:
    """What a pixel is worth where the mask lies; None as in `pixel_size_mm`."""
    size = pixel_size_mm(dataset, frame_number, mask)
    return None if size is None else size[0] * size[1]


def pixel_size_mm(
    dataset: Dataset, frame_number: int, mask: NDArray[np.bool_]
) -> tuple[float, float] | None:
    """Between rows and between columns where the mask lies; None where nothing says so without
    reserve, as of a projection that is calibrated at the detector."""
    calibration = calibration_of(dataset, frame_number)
    if not calibration.regions and (calibration.spacing_mm is None or calibration.caveats):
        return None
    try:
        scale = scale_at(calibration, _outline(mask) if calibration.regions else ())
    except NotMeasurable:
        return None
    return (scale.row, scale.column) if isinstance(scale, PlaneScale) else None


def _outline(mask: NDArray[np.bool_]) -> list[Point]:
    """Row by row around all that is marked."""
    points: list[Point] = []
    for row in np.flatnonzero(mask.any(axis=1)).tolist():
        columns = np.flatnonzero(mask[row])
        left, right = float(columns[0]), float(columns[-1] + 1)
        points += [(left, row), (right, row), (right, row + 1.0), (left, row + 1.0)]
    return points
