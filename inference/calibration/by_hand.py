"""A pixel's size from a line that a person drew over something whose length is known.

It takes the place of what the header states only where that has a caveat: a ruler on a film, a
catheter or a marker ball on a radiograph. What is true by the header stays so.
"""

import math

from inference.calibration.entities import Calibration, HandCalibration
from inference.calibration.plausible import is_plausible, limits_mm
from storage.core.errors import InvalidRequest

GREATEST_LENGTH_MM = 10_000.0


def calibrate_by_hand(
    stated: Calibration, by_hand: HandCalibration, modality: str, what: str = "The image"
) -> Calibration:
    """The calibration under which the line has its length; pixels keep their proportions.

    `stated` is what the header says. Raises InvalidRequest.
    """
    if not may_calibrate_by_hand(stated):
        raise InvalidRequest(
            f"{what} is calibrated by its header, and is not calibrated by hand.",
            remedy="Leave hand_calibration out.",
        )
    (x0, y0), (x1, y1) = by_hand.points
    row, column = stated.aspect
    drawn = math.hypot((x1 - x0) * column, (y1 - y0) * row)
    if not drawn:
        raise InvalidRequest(
            f"{what} was calibrated by a line without length.",
            remedy="Draw a line from one end of the known object to the other.",
        )
    factor = by_hand.length_mm / drawn
    spacing = (row * factor, column * factor)
    if not is_plausible(modality, spacing):
        smallest, greatest = limits_mm(modality)
        raise InvalidRequest(
            f"By a line of {by_hand.length_mm:g} mm, {what[0].lower()}{what[1:]} would have pixels"
            f" of {spacing[0]:.3g} × {spacing[1]:.3g} mm; from {smallest:g} to {greatest:g} mm is"
            " plausible.",
            remedy="Give the true length of the line in mm.",
        )
    return Calibration("by_hand", spacing, spacing, (), ("by_hand",))


def may_calibrate_by_hand(stated: Calibration) -> bool:
    """Not inside ultrasound regions, nor where the header's size is true, nor over a mosaic of
    slices, whose lengths are true within each."""
    return not stated.regions and bool(stated.caveats) and "mosaic" not in stated.caveats
