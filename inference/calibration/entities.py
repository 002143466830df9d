"""The words in which a calibration is stated."""

from dataclasses import dataclass
from typing import Literal

Source = Literal[
    "pixel_spacing",
    "imager_pixel_spacing",
    "nominal_scanned_pixel_spacing",
    "object_pixel_spacing",
    "image_plane_pixel_spacing",
    "ultrasound_regions",
    "by_hand",
    "none",
]
Caveat = Literal[
    "no_calibration",
    "invalid_spacing",
    "implausible_spacing",
    "at_detector",
    "estimated_magnification",
    "assumed_geometry",
    "fiducial",
    "beam_center",
    "correction_unstated",
    "calibration_unstated",
    "scanned_medium",
    "localizer",
    "mosaic",
    "regions_only",
    "by_hand",
]
CAVEATS: dict[Caveat, str] = {
    "no_calibration": "The image states no pixel size: lengths are in pixels.",
    "invalid_spacing": "The pixel spacing in the header is not valid and was not used.",
    "implausible_spacing": "A pixel spacing in the header is not plausible for such an image and"
    " was not used.",
    "at_detector": "Calibrated at the detector, not corrected for magnification.",
    "estimated_magnification": "Corrected by the estimated magnification; true at that depth only.",
    "assumed_geometry": "Corrected for geometric magnification; true at the assumed depth only.",
    "fiducial": "Calibrated on an object of known size; true at the depth of that object only.",
    "beam_center": "True in the centre of the beam, at the depth of the object only.",
    "correction_unstated": "Corrected or calibrated in a way that the header does not state.",
    "calibration_unstated": "The header does not state how the pixel spacing was calibrated.",
    "scanned_medium": "Measured on the film or paper that was scanned, not in the patient.",
    "localizer": "A localizer is a projection: lengths are true at the isocentre only.",
    "mosaic": "A mosaic shows many slices side by side: lengths are true within one slice only.",
    "regions_only": "Calibrated within the ultrasound regions only.",
    "by_hand": "Calibrated by hand, on an object of stated length; true at its depth only.",
}


def stated_caveats(text: str) -> tuple[tuple[Caveat, ...], str]:
    """Those that the sentences of a report state, and what it says in others' words."""
    found = tuple(one for one, sentence in CAVEATS.items() if sentence in text)
    for one in found:
        text = text.replace(CAVEATS[one], "")
    return found, text.strip()


Obstacle = Literal[
    "outside_regions",
    "leaves_region",
    "crosses_regions",
    "overlapping_regions",
    "region_beyond_image",
    "region_without_units",
    "region_implausible",
    "shape_on_axes",
    "pixels_not_square",
]


@dataclass(frozen=True)
class Axis:
    """One direction of an ultrasound region.

    `unit` is a UCUM code. The value at a column or row coordinate c (PS3.3 C.18.6.1.1: the
    first pixel's centre lies at 0.5) is `origin + per_pixel * c`; `origin` is None where the
    region has no reference pixel. `per_pixel` may be negative.
    """

    unit: str
    per_pixel: float
    origin: float | None = None


@dataclass(frozen=True)
class Region:
    """An ultrasound region (PS3.3 C.8.5.5) by its outer edges, in pixels.

    `x` and `y` are None where that direction has no usable unit. `obstacle` says why
    nothing in the region can be measured.
    """

    left: float
    top: float
    right: float
    bottom: float
    is_high_priority: bool
    x: Axis | None
    y: Axis | None
    obstacle: Obstacle | None = None


@dataclass(frozen=True)
class HandCalibration:
    """A line that a person drew over something of known length, from end to end.

    `points` are column and row as in PS3.3 C.18.6.1.1.
    """

    points: tuple[tuple[float, float], tuple[float, float]]
    length_mm: float


@dataclass(frozen=True)
class Calibration:
    """What the pixels of one frame are worth.

    `spacing_mm`: between rows and between columns (PS3.3 10.7.1.3), the same everywhere in
    the frame; None where none is stated, or where it depends on the region. `aspect`: height
    and width of a pixel up to a factor, for drawing it.
    """

    source: Source
    spacing_mm: tuple[float, float] | None
    aspect: tuple[float, float]
    regions: tuple[Region, ...]
    caveats: tuple[Caveat, ...]

    @property
    def text(self) -> str:
        """The caveats in sentences; empty where there is none."""
        return " ".join(CAVEATS[caveat] for caveat in self.caveats)

    @property
    def caveat_in_place(self) -> str:
        """The same of a drawing that was measured; inside a region nothing is left to say."""
        return "" if self.regions else self.text


@dataclass(frozen=True)
class PlaneScale:
    """A place where both directions are lengths. `unit` is `mm` or `{pixels}`."""

    row: float
    column: float
    unit: Literal["mm", "{pixels}"]


@dataclass(frozen=True)
class AxesScale:
    """A place where the directions are different quantities, such as time and velocity."""

    x: Axis | None
    y: Axis | None


Scale = PlaneScale | AxesScale
