"""A mask of several lesions becomes a segment for each, measured in the plane of the images."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.imaging.volume import assemble_volume
from inference.lesions.components import axes_mm, box_axes_mm, with_single_lesions
from inference.pipeline import Measurement, PipelineOutput, Segment
from inference.pipelines.codes import CM3, VOLUME
from storage.core.findings import Code
from tests import builders

SHAPE = (10, 30, 40)
ABNORMAL = Code("49755003", "SCT", "Morphologically Abnormal Structure")
ANATOMICAL = Code("123037004", "SCT", "Anatomical Structure")
LESION, LIVER = Code("52988006", "SCT", "Lesion"), Code("10200004", "SCT", "Liver")
VOLUME_OF = assemble_volume(
    builders.series(np.zeros(SHAPE, np.int16), spacing_mm=(3.0, 0.8, 0.6))
)  # fmt: skip


def output(*, overlapping: bool = False) -> PipelineOutput:
    """A liver with three lesions in it: 6 x 10 x 3 voxels, 2 x 2 x 2, and a speck of one."""
    lesions = np.zeros(SHAPE, bool)
    lesions[2:5, 4:10, 5:15] = True
    lesions[6:8, 20:22, 30:32] = True
    lesions[9, 1, 1] = True
    liver = np.zeros(SHAPE, bool)
    liver[:9, 2:28, 2:38] = True
    segments = (
        Segment("Liver", ANATOMICAL, LIVER, (200, 120, 60)),
        Segment("Lesion", ABNORMAL, LESION, (60, 120, 200)),
    )
    masks = (
        np.stack([liver, lesions], axis=-1)
        if overlapping
        else np.where(lesions, 2, np.where(liver, 1, 0)).astype(np.uint8)
    )
    total = Measurement("Lesion volume", VOLUME, 1.0, CM3, 1)
    return PipelineOutput(segments, masks, (total,))


@pytest.mark.parametrize("overlapping", [False, True])
def test_each_lesion_is_a_segment_and_the_speck_stays_apart(overlapping: bool) -> None:
    found = with_single_lesions(output(overlapping=overlapping), VOLUME_OF)
    assert [(one.label, one.is_lesion) for one in found.segments] == [
        ("Liver", False), ("Lesion 1", True), ("Lesion 2", True), ("Lesion, others", False),
    ]  # fmt: skip
    counts = [int(np.count_nonzero(found.mask(index))) for index in range(4)]
    assert counts[1:] == [6 * 10 * 3, 8, 1]
    # Nothing of the mask is lost.
    assert sum(counts[1:]) == np.count_nonzero(output(overlapping=True).masks[..., 1])
    values = {one.label: one for one in found.measurements}
    # Nobody takes it for one lesion.
    total = values["Lesion volume, total of 2 lesions and others"]
    assert total.segment_index is None
    assert total.parts == (1, 2, 3)
    # 180 voxels of 3.0 * 0.8 * 0.6 mm3.
    assert values["Lesion 1 volume"].value == pytest.approx(0.2592)
    # 10 * 0.6 mm by 6 * 0.8 mm: the diagonal, half a pixel longer than that of the centres.
    along = np.array([9 * 0.6, 5 * 0.8])
    pixel = np.linalg.norm(along * (0.6, 0.8)) / np.linalg.norm(along)
    assert values["Lesion 1 long axis"].value == pytest.approx(np.linalg.norm(along) + pixel / 2)


def test_one_lesion_alone_keeps_its_name_and_volume() -> None:
    masks = np.zeros(SHAPE, np.uint8)
    masks[3, 5:9, 5:9] = 1
    segment = Segment("Tumour", ABNORMAL, LESION, (1, 2, 3))
    alone = PipelineOutput((segment,), masks, (Measurement("Tumour volume", VOLUME, 0.02, CM3, 0),))
    found = with_single_lesions(alone, VOLUME_OF)
    assert [(one.label, one.is_lesion) for one in found.segments] == [("Tumour", True)]
    assert [(one.label, one.segment_index) for one in found.measurements] == [
        ("Tumour volume", 0), ("Tumour long axis", 0), ("Tumour short axis", 0),
    ]  # fmt: skip


def test_structures_stay_as_they_are() -> None:
    liver = output()
    only = PipelineOutput(liver.segments[:1], liver.masks, ())
    assert with_single_lesions(only, VOLUME_OF) is only


def test_a_segment_without_a_lesion_stays_empty() -> None:
    nothing = output()
    assert nothing.masks is not None
    nothing.masks[nothing.masks == 2] = 0
    found = with_single_lesions(nothing, VOLUME_OF)
    assert [one.label for one in found.segments] == ["Liver", "Lesion"]
    assert [found.mask(index).any() for index in range(2)] == [True, False]


def test_a_box_is_measured_by_its_edges() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[2:5, 4:10, 5:15] = True
    assert box_axes_mm(mask, VOLUME_OF) == pytest.approx((6.0, 4.8))


def test_axes_are_those_of_one_image() -> None:
    mask = np.zeros(SHAPE, bool)
    # A line of 10 voxels along the columns, and one of 3 across it in the same image.
    mask[4, 10, 5:15] = True
    mask[4, 9:12, 8] = True
    # A longer extent through the images is no diameter in them.
    mask[0:10, 10, 5] = True
    long_mm, short_mm = axes_mm(mask, VOLUME_OF)
    assert long_mm == pytest.approx(9.5 * 0.6, abs=0.1)
    assert short_mm == pytest.approx(2.5 * 0.8, abs=0.3)


@pytest.mark.parametrize("steps_mm", [(0.7, 0.7), (0.5, 1.0), (1.0, 0.7)])
@pytest.mark.parametrize("diameters_mm", [(10.0, 10.0), (20.0, 20.0), (20.0, 10.0)])
def test_diameters_are_those_of_the_body_and_not_of_its_pixels(
    diameters_mm: tuple[float, float], steps_mm: tuple[float, float]
) -> None:
    volume = replace(VOLUME_OF, lps_from_kji=np.diag([3.0, *steps_mm, 1.0]))
    drawn = [drawn_ellipse(diameters_mm, steps_mm, turn) for turn in np.linspace(0.1, 3.0, 12)]
    errors = np.array([axes_mm(mask, volume) for mask in drawn]) - diameters_mm
    assert np.abs(errors.mean(axis=0)).max() < 0.5 * max(steps_mm)


def drawn_ellipse(
    diameters_mm: tuple[float, float], steps_mm: tuple[float, float], turn: float
) -> NDArray[np.bool_]:
    """What has its centre within it, shape (1, 64, 64); it lies between pixels as it happens."""
    j, i = np.ogrid[:64, :64]
    y, x = (j - 32.0) * steps_mm[0] + turn / 3, (i - 32.0) * steps_mm[1] - turn / 7
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    inside = (2 * along / diameters_mm[0]) ** 2 + (2 * across / diameters_mm[1]) ** 2 <= 1
    return np.asarray(inside)[None]


def test_a_single_pixel_and_a_line_have_the_width_of_a_pixel() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[4, 10, 5] = True
    assert axes_mm(mask, VOLUME_OF) == pytest.approx((0.8, 0.6))
    mask[4, 10, 5:9] = True
    assert axes_mm(mask, VOLUME_OF) == pytest.approx((3.5 * 0.6, 0.8))
