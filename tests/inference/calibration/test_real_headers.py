"""Ultrasound headers of real scanners."""

import pydicom
import pytest

from inference.calibration.decision import calibration_of
from inference.calibration.scale import NotMeasurable, PlaneScale, axes_at, scale_at, shown_scale_mm
from tests.shared import shared_folder


def header_of(name: str) -> pydicom.Dataset:
    return pydicom.dcmread(shared_folder("data/odd") / name, stop_before_pixels=True)


def test_a_2d_image_above_an_ecg() -> None:
    header = header_of("OBXXXX1A_rle_2frame.dcm")
    calibration = calibration_of(header, frame_number=2)
    # 0.02622878766196998 cm in each direction.
    millimetres = pytest.approx(0.2622878766196998)
    assert scale_at(calibration, [(200, 200), (300, 300)]) == PlaneScale(
        millimetres, millimetres, "mm"
    )
    assert shown_scale_mm(calibration) == (millimetres, millimetres)
    axes = axes_at(calibration, (176.5, 540.0))
    assert axes is not None
    assert axes.x is not None
    # The reference pixel is the image's first column, 176 to the left of the region.
    assert axes.x.origin is not None
    assert axes.x.origin + axes.x.per_pixel * 176.5 == pytest.approx(176 * 0.009642736608649534)
    assert axes.y is None


@pytest.mark.parametrize("name", ["examples_ybr_color.dcm", "examples_palette.dcm"])
def test_regions_of_a_larger_image_than_this_one(name: str) -> None:
    calibration = calibration_of(header_of(name))
    with pytest.raises(NotMeasurable) as refused:
        scale_at(calibration, [(150, 150), (250, 150)])
    assert refused.value.obstacle == "region_beyond_image"
    assert shown_scale_mm(calibration) is None
