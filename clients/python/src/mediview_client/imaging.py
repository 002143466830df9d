"""Instances as arrays in patient space: numpy, pydicom and highdicom, the extra `imaging`.

Arrays have the shape (slices, rows, columns). Affines are 4 × 4 and map a zero-based index in
that order to the voxel's centre in mm, in DICOM's patient coordinates (x to the left, y to the
back, z to the head: PS3.3 Equation C.7.6.2.1-1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

try:
    import highdicom as hd
    import numpy as np
    import pydicom
    from numpy.typing import NDArray
except ImportError as error:
    raise ImportError(
        "Arrays need more packages: pip install 'mediview-client[imaging]'."
    ) from error

_RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Volume:
    """A series stacked in space; voxels of CT in HU."""

    geometry: hd.Volume

    @property
    def array(self) -> NDArray[np.float64]:
        return np.asarray(self.geometry.array)

    @property
    def affine(self) -> NDArray[np.float64]:
        return np.asarray(self.geometry.affine)

    @property
    def ras_affine(self) -> NDArray[np.float64]:
        """The same in the coordinates of NIfTI (x to the right, y to the front)."""
        return _RAS_FROM_LPS @ self.affine

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Between slices, rows and columns."""
        between_slices, between_rows, between_columns = self.geometry.spacing
        return between_slices, between_rows, between_columns


@dataclass(frozen=True)
class Segment:
    number: int
    """The value of its voxels."""
    label: str
    code: tuple[str, str, str]
    """What it is: value, coding scheme, meaning (Segmented Property Type)."""
    tracking_uid: str


@dataclass(frozen=True)
class Segmentation:
    """A SEG or label map: in each voxel the number of its segment, or 0."""

    geometry: hd.Volume
    segments: tuple[Segment, ...]
    dataset: pydicom.Dataset

    @property
    def labels(self) -> NDArray[np.uint16]:
        return np.asarray(self.geometry.array)

    @property
    def affine(self) -> NDArray[np.float64]:
        return np.asarray(self.geometry.affine)

    def mask(self, segment_number: int) -> NDArray[np.bool_]:
        return np.asarray(self.labels == segment_number)

    def volume_ml(self, segment_number: int) -> float:
        voxel_mm3 = float(np.prod(self.geometry.spacing))
        return float(np.count_nonzero(self.mask(segment_number))) * voxel_mm3 / 1000

    def on(self, volume: Volume) -> "Segmentation":
        """The same on the grid of the series it was made of: the file leaves out empty slices.

        Raises RuntimeError where the two lie on different grids.
        """
        return Segmentation(
            self.geometry.match_geometry(volume.geometry), self.segments, self.dataset
        )


def dataset_of(instance: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(BytesIO(instance))


def volume_of(instances: Sequence[bytes]) -> Volume:
    """Stack the single-frame images of a series, in any order. Raises ValueError where they are
    not one regular stack."""
    datasets = [dataset_of(one) for one in instances]
    return Volume(hd.get_volume_from_series(datasets))


def segmentation_of(instance: bytes) -> Segmentation:
    """Read a SEG or label map. Raises RuntimeError where segments overlap."""
    found = hd.seg.Segmentation.from_dataset(dataset_of(instance), copy=False)
    geometry = found.get_volume(combine_segments=True, dtype=np.uint16)
    return Segmentation(geometry, tuple(_segments(found)), found)


def _segments(dataset: pydicom.Dataset) -> list[Segment]:
    return [
        Segment(
            int(one.SegmentNumber),
            str(one.SegmentLabel),
            _code(one.SegmentedPropertyTypeCodeSequence[0]),
            str(one.get("TrackingUID", "")),
        )
        for one in dataset.SegmentSequence
        # A label map describes its background, too.
        if one.SegmentNumber
    ]


def _code(item: Any) -> tuple[str, str, str]:
    return str(item.CodeValue), str(item.CodingSchemeDesignator), str(item.CodeMeaning)


def report_of(instance: bytes) -> hd.sr.MeasurementReport:
    """The content of a structured report of measurements (TID 1500)."""
    return hd.sr.MeasurementReport.from_sequence([dataset_of(instance)], is_root=True)
