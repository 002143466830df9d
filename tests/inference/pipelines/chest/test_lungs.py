"""Where lungs lie, and which of them is which, on chests that are known to the voxel."""

import numpy as np
import pytest

from inference.pipeline import PipelineContext
from inference.pipelines.chest.lung_density import LungDensity
from inference.pipelines.chest.lungs import segment_lungs
from inference.refusals import NothingFound
from inference.volume_preparation.coverage import run_with_coverage
from storage.settings import Settings
from tests.inference.chest import Chest, chest, volume_of
from tests.inference.cutting import cut
from tests.inference.pipelines.chest.measured import VOXEL_ML, dice, run


@pytest.mark.parametrize(
    "flips",
    [(True, False, False), (False, True, False), (False, False, True), (True, True, True)],
    ids=str,
)
def test_left_is_the_patients_left_however_the_scanner_wrote_the_axes(
    flips: tuple[bool, bool, bool],
) -> None:
    body = chest(flips=flips)
    lungs = segment_lungs(body.hu, body.lps_from_kji)
    assert dice(lungs.left, body.left) > 0.98
    assert dice(lungs.right, body.right) > 0.98


def test_lungs_that_touch_in_front_are_parted() -> None:
    body = chest(touching=True)
    lungs = segment_lungs(body.hu, body.lps_from_kji)
    assert dice(lungs.left, body.left) > 0.96
    assert dice(lungs.right, body.right) > 0.96
    assert not (lungs.left & lungs.right).any()


def test_airways_belong_to_no_lung() -> None:
    body = chest()
    lungs = segment_lungs(body.hu, body.lps_from_kji)
    assert lungs.airways.sum() * VOXEL_ML > 15.0
    assert not (lungs.airways & (lungs.left | lungs.right)).any()


def test_density_is_that_of_the_tissue_without_vessels_and_airways() -> None:
    values = run(volume_of(chest()))
    assert values["Left lung mean density"] == pytest.approx(-840.0, abs=0.01)
    assert values["Right lung mean density"] == pytest.approx(-870.0, abs=0.01)
    assert values["Left lung LAA-950"] == 0.0
    assert values["Right lung 15th percentile"] == pytest.approx(-870.0, abs=0.01)
    body = chest()
    litres = float(body.left.sum()) * VOXEL_ML / 1000
    assert values["Left lung volume"] == pytest.approx(litres, rel=0.02)
    assert values["Both lungs volume"] == pytest.approx(
        values["Left lung volume"] + values["Right lung volume"]
    )


def test_one_lung_is_measured_as_that_one() -> None:
    body = chest()
    body.hu[body.left] = 20.0
    values = run(volume_of(body))
    assert "Left lung volume" not in values
    assert "Both lungs volume" not in values
    assert values["Right lung mean density"] == pytest.approx(-870.0, abs=0.01)


def test_a_body_without_lungs_is_told_so() -> None:
    body = chest()
    body.hu[body.left | body.right] = 20.0
    with pytest.raises(NothingFound, match="lung"):
        run(volume_of(body))


def test_a_liver_that_bulges_into_the_lung_is_no_part_of_it() -> None:
    body = chest()
    k, j, i = np.indices(body.hu.shape)
    x, y = -170.0 + 2.0 * i, -165.0 + 2.2 * j
    dome = ((x + 68) / 35) ** 2 + (y / 40) ** 2 + ((k * 3.0 - 114.0 + 90) / 60) ** 2 < 1
    body.hu[dome] = 60.0
    lungs = segment_lungs(body.hu, body.lps_from_kji)
    truth = body.right & ~dome
    # Slices through the dome show it enclosed by lung; only its tip is as small as a vessel.
    assert float((lungs.right & dome).sum()) < 0.06 * float(dome.sum())
    assert dice(lungs.right, truth) > 0.97


def test_a_single_lung_in_two_parts_is_never_two() -> None:
    body = single_lung()
    y = -165.0 + 2.2 * np.indices(body.hu.shape)[1]
    body.hu[body.left & (y > 20.0) & (y < 26.0)] = 40.0
    output = LungDensity().run(PipelineContext(Settings(), volume_of(body)))
    assert [segment.label for segment in output.segments] == ["Left lung"]
    assert dice(output.mask(0), body.left) > 0.9
    assert output.notes[-1].startswith("No right lung was found in the images: ")


def test_lungs_in_several_parts_are_measured_whole() -> None:
    """As effusions in fissures, or plates of atelectasis, part them from side to side."""
    body = chest()
    k, _, i = np.indices(body.hu.shape)
    z = 3.0 * k - 114.0
    parted = np.abs(z + 40.0) < 9.0
    parted |= (np.abs(z - 30.0) < 9.0) & (i < 85)
    parted &= body.left | body.right
    body.hu[parted] = 20.0
    lungs = segment_lungs(body.hu, body.lps_from_kji)
    assert dice(lungs.left, body.left & ~parted) > 0.96
    assert dice(lungs.right, body.right & ~parted) > 0.96


@pytest.mark.parametrize(
    ("lungs_above_mm", "centre_mm", "radii_mm"),
    [
        pytest.param(-60.0, -94.0, (45.0, 40.0, 18.0), id="a little"),
        pytest.param(-20.0, -70.0, (55.0, 55.0, 40.0), id="a quarter of the larger lung"),
        pytest.param(30.0, -40.0, (45.0, 40.0, 32.0), id="two fifths of small lungs"),
    ],
)
def test_gas_below_the_lung_is_no_part_of_it(
    lungs_above_mm: float, centre_mm: float, radii_mm: tuple[float, float, float]
) -> None:
    body = chest()
    k, j, i = np.indices(body.hu.shape)
    x, y, z = -170.0 + 2.0 * i, -165.0 + 2.2 * j, 3.0 * k - 114.0
    below = z < lungs_above_mm
    filled = body.left | body.right if lungs_above_mm > 0 else body.left
    body.hu[filled & below] = 20.0
    across, deep, high = radii_mm
    stomach = ((x - 70) / across) ** 2 + ((y + 40) / deep) ** 2
    stomach += ((z - centre_mm) / high) ** 2
    body.hu[(stomach < 1) & (body.hu > 0)] = -990.0
    lungs = segment_lungs(body.hu, body.lps_from_kji)
    assert dice(lungs.left, body.left & ~below) > 0.96
    assert dice(lungs.right, body.right & ~(below & filled)) > 0.96


def single_lung() -> Chest:
    """The right lung is filled, as by an effusion."""
    body = chest()
    body.hu[body.right] = 40.0
    return body


def test_a_single_lung_with_a_narrow_waist_is_never_two() -> None:
    body = single_lung()
    k, j, i = np.indices(body.hu.shape)
    x, y, z = -170.0 + 2.0 * i, -165.0 + 2.2 * j, 3.0 * k - 114.0
    body.hu[body.left & (np.abs(y - 20) < 9) & ((np.abs(x - 68) > 7) | (np.abs(z) > 12))] = 40.0
    lungs = segment_lungs(body.hu, body.lps_from_kji)
    assert not lungs.right.any()
    assert lungs.left.any()


def test_lungs_that_cannot_be_parted_are_not_one_lung() -> None:
    """The right lung is the larger by far, and both have grown together over nine centimetres."""
    body = chest()
    k, j, i = np.indices(body.hu.shape)
    x, y, z = -170.0 + 2.0 * i, -165.0 + 2.2 * j, 3.0 * k - 114.0
    body.hu[body.left & (((x - 60) / 40) ** 2 + (y / 60) ** 2 + (z / 70) ** 2 > 1)] = 40.0
    body.hu[(np.abs(x) < 45) & (np.abs(y + 20) < 45) & (np.abs(z) < 60)] = -850.0
    output = LungDensity().run(PipelineContext(Settings(), volume_of(body)))
    assert [segment.label for segment in output.segments] == ["Lung of undetermined side"]
    note = output.notes[0]
    assert "whether it is the left or the right lung, or both, is not determined" in note


@pytest.mark.parametrize("flipped", [False, True], ids=["left columns", "right columns"])
def test_sides_go_by_the_middle_of_the_patient_and_not_of_the_picture(flipped: bool) -> None:
    """The right lung is filled, and the table below is wider than the patient."""
    body = chest(flips=(False, False, flipped))
    body.hu[body.right] = 40.0
    body.hu[:, 138:140] = 200.0
    # Air on the patient's left pushes him to the right of the picture, and further than his lung.
    empty = np.full((*body.hu.shape[:2], 120), -1000.0, np.float32)
    empty[:, 138:140] = 200.0
    before = -body.lps_from_kji[:3, 2] * 120
    if flipped:
        hu, origin = np.concatenate([empty, body.hu], axis=2), before
    else:
        hu, origin = np.concatenate([body.hu, empty], axis=2), np.zeros(3)
    body.lps_from_kji[:3, 3] += origin
    lungs = segment_lungs(hu, body.lps_from_kji)
    assert not lungs.right.any()
    assert not lungs.undetermined.any()
    assert lungs.left.any()


def test_a_single_lung_in_a_body_that_is_cut_off_has_no_side() -> None:
    body = chest()
    body.hu[body.left] = 40.0
    part = cut(volume_of(body), 2, 0, 100)
    output = run_with_coverage(LungDensity(), PipelineContext(Settings(), part))
    assert [segment.label for segment in output.segments] == ["Lung of undetermined side"]
    assert output.notes[:1] == (
        "The images cut the body off on the left: whether the lung is the left or the right one"
        " is not determined.",
    )
    for one in output.measurements:
        assert one.validity is not None
        assert (one.validity.state, one.validity.cut_off_at) == ("truncated", ("left",))
