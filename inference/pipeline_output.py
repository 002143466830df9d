"""What a pipeline finds: segments, measurements, classifications, boxes."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.core.caveats import Caveat
from storage.core.findings import Code, Curve, Direction, Interval, Validity
from storage.core.results.heat_maps import HeatMap

SEGMENTS_AT_MOST = 255
"""Of one result: masks that do not overlap are numbered in a byte, 0 for what is none."""

MAPS_AT_MOST = 16
"""Of one result."""

MORPHOLOGICALLY_ABNORMAL = "49755003"
"""PS3.16 CID 7150, Segmentation Property Categories: Morphologically Abnormal Structure."""


@dataclass(frozen=True)
class Passage:
    """Where a structure leads on into another, so that reaching the edge does not cut it off.

    The brain goes over into the spinal cord: through the lowest slice it may pass with a
    cross-section of the foramen magnum, but not with a larger one.
    """

    direction: Direction
    at_most_mm2: float


@dataclass(frozen=True)
class Segment:
    """One structure; `PipelineOutput.masks` says where it lies."""

    label: str
    category: Code
    type: Code
    color_rgb: tuple[int, int, int]
    laterality: Code | None = None
    """Left or right (PS3.16 CID 244) of a type that stands for both."""
    is_lesion: bool = False
    """One lesion of any number: a place that a detector named, or one by itself in a mask."""
    is_box: bool = False
    """Around a lesion, and not its outline."""
    is_measurable: bool | None = None
    """Whether sums of lesions may go by it, by the model's card; None: as its type does."""
    tracking_uid: str = ""
    """Of a lesion that has been compared with the studies before; else derived."""

    @property
    def shows_lesions(self) -> bool:
        """Whether it shows any number of them at once."""
        return self.category.value == MORPHOLOGICALLY_ABNORMAL and not self.is_lesion


@dataclass(frozen=True)
class Measurement:
    """One quantity, of the segment that `segment_index` names where there is one."""

    label: str
    code: Code
    value: float
    unit: Code
    segment_index: int | None = None
    confidence: float | None = None
    """From 0 to 1, where the model states one."""
    frame_number: int | None = None
    """Of a multi-frame image: the frame that it is of, counted from 1; None: all of them."""
    parts: tuple[int, ...] = ()
    """Of a total: the indices of the segments that it sums or pools. A total of which a part
    is truncated is left out."""
    validity: Validity | None = None
    """Set from the masks (`volume_preparation.coverage`), unless the pipeline knows it."""
    interval: Interval | None = None
    """Between which values the true one lies, where the model states it."""
    curve: Curve | None = None
    """What the number was read from: of a time to peak the enhancement over time."""
    heat_map: HeatMap | None = None
    """Of an image among several that are taken at once: what in it the number rests on."""


@dataclass(frozen=True)
class Classification:
    """One answer of an image model: the label as the model words it, confidence 0 to 1."""

    label: str
    confidence: float
    code: Code | None = None
    """What the label is coded as; None where nobody has coded it."""
    frame_number: int | None = None
    """Of a multi-frame image: the frame that decided, counted from 1; None: all of them."""
    heat_map: HeatMap | None = None


@dataclass(frozen=True)
class Category:
    """A coded answer without a probability, such as that of a rule, and why it is this one.

    `subject` is what it is of, in words that stay whatever the category; `reason`: in sentences.
    """

    subject: str
    label: str
    code: Code
    reason: str
    caveats: tuple[Caveat, ...] = ()


@dataclass(frozen=True)
class FoundBox:
    """One object in an image, by a box: its corners in the image that was sent.

    `corners`: (column, row) each, 0, 0 being the upper left corner of the upper left pixel; a
    rectangle, but turned where the model saw the image turned, and of more corners where the
    image cuts it off; a single one is a point. `confidence` from 0 to 1, where there is one.
    `measurement`: what is measured of it, and then its finding is that.
    """

    label: str
    code: Code
    corners: tuple[tuple[float, float], ...]
    confidence: float | None
    color_rgb: tuple[int, int, int]
    frame_number: int | None = None
    measurement: Measurement | None = None


@dataclass(frozen=True)
class ImageResult:
    """What was found in one DICOM image.

    `masks`: unsigned integers of shape (rows, columns), n for the nth segment from 1, or bool of
    shape (rows, columns, segments); of a multi-frame image with a plane for each of
    `frame_numbers` first, which count from 1. `shown` is the image (or its frame
    `shown_frame_number`) for pictures: uint8, (rows, columns, 1 or 3), white being high.
    """

    sop_instance_uid: str
    shown: NDArray[np.uint8]
    shown_frame_number: int | None = None
    segments: tuple[Segment, ...] = ()
    masks: NDArray[Any] | None = None
    frame_numbers: tuple[int, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    classifications: tuple[Classification, ...] = ()
    boxes: tuple[FoundBox, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader should know of it, a sentence each."""

    @property
    def heated(self) -> Classification | Measurement | None:
        """The answer, or the number, of which there is a heat map."""
        found: tuple[Classification | Measurement, ...] = (
            *self.classifications,
            *self.measurements,
        )
        return next((one for one in found if one.heat_map is not None), None)

    def mask(self, segment_index: int) -> NDArray[np.bool_]:
        """One segment: bool, (rows, columns), or (frames, rows, columns) of `frame_numbers`."""
        if self.masks is None:
            raise ValueError("The image has no segments.")
        one: NDArray[np.bool_] = (
            self.masks[..., segment_index]
            if self.masks.ndim == (4 if self.frame_numbers else 3)
            else self.masks == segment_index + 1
        )
        return one

    def shown_mask(self, segment_index: int) -> NDArray[np.bool_]:
        """One segment on what is shown: bool, shape (rows, columns)."""
        mask = self.mask(segment_index)
        if not self.frame_numbers:
            return mask
        if self.shown_frame_number in self.frame_numbers:
            one: NDArray[np.bool_] = mask[self.frame_numbers.index(self.shown_frame_number)]
            return one
        return np.zeros(mask.shape[1:], np.bool_)


@dataclass(frozen=True)
class ParametricMap:
    """A quantity at each voxel: a diffusion coefficient, a perfusion, a dose.

    `values`: float32 of shape (slices, rows, columns) on the source grid, in `unit` (UCUM); NaN
    where there is none. `window`: least and greatest value that pictures show; None: chosen by
    the values.
    """

    label: str
    code: Code
    """Of the quantity: `Code("113041", "DCM", "Apparent Diffusion Coefficient")`."""
    unit: Code
    values: NDArray[np.float32]
    window: tuple[float, float] | None = None


@dataclass(frozen=True)
class PipelineOutput:
    """What one run found, before it is made into findings and DICOM objects."""

    segments: tuple[Segment, ...] = ()
    masks: NDArray[Any] | None = None
    """Where the segments lie, on the source grid.

    Unsigned integers of shape (slices, rows, columns): n for the nth segment from 1, 0 for
    none. Or bool of shape (slices, rows, columns, segments), where segments may overlap.
    """
    measurements: tuple[Measurement, ...] = ()
    classifications: tuple[Classification, ...] = ()
    categories: tuple[Category, ...] = ()
    label_picture: NDArray[np.uint8] | None = None
    """Of an image that is not DICOM: the class of each pixel, shape (rows, columns)."""
    label_names: tuple[str, ...] = ()
    """What the values of `label_picture` stand for, from 0."""
    images: tuple[ImageResult, ...] = ()
    """Of a pipeline for DICOM images: a result for each, in the order of the series."""
    looks_for_boxes: bool = False
    """Of a detector in images: none in an image is a result, too."""
    calibration: str = ""
    """How its probabilities were calibrated; empty where nobody says."""
    timings_s: dict[str, float] = field(default_factory=dict)
    derivation: str = ""
    """What was done to the voxels before the model ran, where anything was."""
    parameters: tuple[str, ...] = ()
    """More that the result states of how it was computed (PS3.16 TID 4019), `name=value` each."""
    notes: tuple[str, ...] = ()
    """What a reader should know of the run, a sentence each."""
    maps: tuple[ParametricMap, ...] = ()
    """Of a pipeline for volumes: each becomes a DICOM object of its own."""
    caveats: tuple[Caveat, ...] = ()
    """What holds for all that was found."""

    def cut_off_at(self, segment_index: int) -> tuple[Direction, ...]:
        """Where the images cut a segment off, by what its measurements say."""
        validities = [
            one.validity
            for one in self.measurements
            if one.segment_index == segment_index and one.validity is not None
        ]
        return tuple(dict.fromkeys(side for one in validities for side in one.cut_off_at))

    def mask(self, segment_index: int, k: int | None = None) -> NDArray[np.bool_]:
        """One segment: bool, shape (slices, rows, columns), or one slice of it."""
        if self.masks is None:
            raise ValueError("The output has no segments.")
        some = self.masks if k is None else self.masks[k]
        one: NDArray[np.bool_] = (
            some[..., segment_index] if self.masks.ndim == 4 else some == segment_index + 1
        )
        return one
