"""lung-density on a chest that is known to the voxel, and on a real CT beside SimpleITK."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from numpy.typing import NDArray

from inference.findings.build import build_findings
from inference.imaging.volume import Volume, assemble_volume
from inference.pipeline import PipelineContext, PipelineOutput
from inference.pipeline_runs.coverage import run_with_coverage
from inference.pipelines.chest.lung_density import LungDensity
from inference.pipelines.chest.lungs import segment_lungs
from inference.refusals import NothingFound
from inference.results.sr.pdf import _own_measures
from storage.core.errors import InvalidRequest
from storage.settings import Settings
from tests.inference.chest import SPACING_MM, Chest, Mask, chest, volume_of
from tests.inference.cutting import cut
from tests.inference.results_support import job_for

# Fifteen seconds on two cores, as processor time: other work on the machine does not count.
LONGEST_PROCESSOR_S = 30.0
VOXEL_ML = float(np.prod(SPACING_MM)) / 1000


def dice(one: Mask, other: Mask) -> float:
    return 2.0 * float((one & other).sum()) / float(one.sum() + other.sum())


def run(volume: Volume) -> dict[str, float]:
    output = LungDensity().run(PipelineContext(Settings(), volume))
    return {measurement.label: measurement.value for measurement in output.measurements}


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


def test_density_of_other_voxels_than_those_of_the_mask_says_which() -> None:
    volume = volume_of(chest())
    output = LungDensity().run(PipelineContext(Settings(), volume))
    values = {one.label: one for one in output.measurements}
    inside = volume.voxels[output.mask(0)]
    assert inside.mean(dtype=np.float64) > values["Left lung mean density"].value + 1
    assert inside[inside < -500].mean(dtype=np.float64) == pytest.approx(
        values["Left lung mean density"].value
    )
    for measure in ("mean density", "LAA-950", "15th percentile"):
        meaning = values[f"Left lung {measure}"].code.meaning
        assert "of lung below -500 HU" in meaning
        assert len(meaning) <= 64
    assert any("voxels below -500 HU" in note for note in output.notes)
    findings = build_findings(job_for(volume), LungDensity(), output)
    (shown,) = _own_measures(findings)
    assert shown.count("below -500 HU") == 3


def test_emphysema_is_counted_as_share_of_the_lung() -> None:
    body = chest()
    sick = body.left & (np.indices(body.hu.shape)[0] < body.hu.shape[0] // 2)
    body.hu[sick & (body.hu < -800)] = -970.0
    values = run(volume_of(body))
    expected = (
        100.0 * float((sick & (body.hu < -950)).sum()) / float((body.left & (body.hu < -500)).sum())
    )
    assert values["Left lung LAA-950"] == pytest.approx(expected, abs=1.5)
    assert values["Right lung LAA-950"] == 0.0


def judged(volume: Volume) -> dict[str, tuple[float, str]]:
    """Value and validity."""
    output = run_with_coverage(LungDensity(), PipelineContext(Settings(), volume))
    return {
        one.label: (one.value, one.validity.state if one.validity else "")
        for one in output.measurements
    }


def padded_with(value: float, volume: Volume) -> Volume:
    return replace(volume, padding_ranges=np.full_like(volume.padding_ranges, value))


def with_bulla(body: Chest, middle: NDArray[np.float64], radius_mm: float) -> None:
    away = (np.indices(body.hu.shape).T - middle) * SPACING_MM
    distance_mm = np.linalg.norm(away, axis=-1).T
    bulla = body.left & (distance_mm < radius_mm)
    body.hu[bulla & (body.hu < -800)] = -1024.0


def test_emphysema_that_is_clipped_at_the_stated_padding_value_counts() -> None:
    body = chest()
    with_bulla(body, np.argwhere(body.left).mean(axis=0), 25.0)
    volume = volume_of(body)
    values = judged(padded_with(-1024.0, volume))
    assert values["Left lung LAA-950"][0] > 1.0
    assert values == judged(volume)
    assert values["Both lungs LAA-950"][1] == "complete"


def test_a_clipped_bulla_at_the_side_of_the_image_is_no_padding() -> None:
    body = chest()
    with_bulla(body, np.array([38.0, 75.0, 140.0]), 50.0)
    part = cut(volume_of(body), 2, 0, 141)
    aerated = SimpleITK.GetImageFromArray(
        (body.left[:, :, :141] & (part.voxels < -500)).astype("u1")
    )
    shares = SimpleITK.LabelIntensityStatisticsImageFilter()
    shares.Execute(aerated, SimpleITK.GetImageFromArray((part.voxels < -950).astype("f4")))
    values = judged(padded_with(-1024.0, part))
    low, validity = values["Left lung LAA-950"]
    assert low == pytest.approx(100.0 * shares.GetMean(1), abs=0.3)
    assert low > 10.0
    assert validity == "truncated"
    assert values["Right lung volume"][1] == "complete"


@pytest.mark.parametrize("stated", [True, False], ids=["stated", "not stated"])
def test_a_fill_of_clipped_air_around_the_circle_is_no_lung(stated: bool) -> None:
    body = chest()
    i, j = np.arange(body.hu.shape[2]), np.arange(body.hu.shape[1])
    circle = ((i[None] - 85) * 2.0) ** 2 + ((j[:, None] - 75) * 2.2) ** 2 < 110.0**2
    body.hu[:, ~circle] = -1024.0
    volume = volume_of(body)
    values = judged(padded_with(-1024.0, volume) if stated else volume)
    litres = float((body.left & circle).sum()) * VOXEL_ML / 1000
    assert values["Left lung volume"] == (pytest.approx(litres, rel=0.02), "truncated")
    assert values["Left lung LAA-950"] == (0.0, "truncated")
    assert values["Right lung LAA-950"] == (0.0, "truncated")


def test_padding_that_no_header_states_is_no_lung() -> None:
    body = chest()
    i, j = np.arange(body.hu.shape[2]), np.arange(body.hu.shape[1])
    circle = (i[None] - 110) ** 2 + (j[:, None] - 75) ** 2 < 55**2
    hole = body.left & (np.indices(body.hu.shape)[0] == 38)
    hole &= (np.abs(np.indices(body.hu.shape)[1] - 75) < 2) & (circle[None])
    body.hu[:, ~circle] = -2000.0
    body.hu[hole] = -2000.0
    # A streak beside metal.
    body.hu[tuple(np.argwhere(body.hu > 0)[0])] = -2500.0
    output = run_with_coverage(LungDensity(), PipelineContext(Settings(), volume_of(body)))
    assert output.masks is not None
    assert body.hu[output.masks > 0].min() >= -1024
    values = {one.label: one for one in output.measurements}
    assert values["Right lung LAA-950"].value == 0.0
    assert values["Right lung mean density"].value == pytest.approx(-870.0, abs=0.01)
    validity = values["Right lung volume"].validity
    assert validity is not None
    assert validity.state == "truncated"


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


def test_without_a_volume_it_says_what_it_needs() -> None:
    with pytest.raises(InvalidRequest, match="no volume"):
        LungDensity().run(PipelineContext(Settings()))


@pytest.fixture(scope="module")
def real(shared_data: Path) -> tuple[Volume, PipelineOutput, float]:
    paths = (shared_data / "ct_chest_LIDC-IDRI-0001").glob("*.dcm")
    volume = assemble_volume([pydicom.dcmread(path) for path in paths])
    started = time.process_time()
    output = LungDensity().run(PipelineContext(Settings(), volume))
    return volume, output, time.process_time() - started


def test_on_a_real_chest_it_finds_what_simpleitk_finds(
    real: tuple[Volume, PipelineOutput, float],
) -> None:
    volume, output, _ = real
    ours = output.mask(0) | output.mask(1)
    theirs = two_thresholds(volume)
    # Theirs knows neither airways nor vessels, so only aerated lung is compared.
    aerated = ours & (volume.voxels < -500)
    assert dice(aerated, theirs) > 0.98
    assert float(aerated.sum()) == pytest.approx(float(theirs.sum()), rel=0.03)
    values = {one.label: one.value for one in output.measurements}
    assert values["Both lungs mean density"] == pytest.approx(
        float(volume.voxels[theirs].mean(dtype=np.float64)), abs=6.0
    )
    assert values["Right lung volume"] > values["Left lung volume"] > 1.0


def test_a_real_chest_takes_seconds(real: tuple[Volume, PipelineOutput, float]) -> None:
    assert real[2] < LONGEST_PROCESSOR_S


def two_thresholds(volume: Volume) -> NDArray[np.bool_]:
    """Air that does not touch the picture's sides, by SimpleITK: its parts above 300 ml."""
    image = SimpleITK.GetImageFromArray(volume.voxels)
    air = SimpleITK.BinaryThreshold(image, -5000.0, -500.0, 1, 0)
    # Slice by slice, air that reaches the border is outside; so are the ends of the trachea.
    outside = SimpleITK.ConnectedThreshold(
        SimpleITK.Cast(air, SimpleITK.sitkUInt8),
        [(0, 0, k) for k in range(volume.voxels.shape[0])],
        lower=1,
        upper=1,
    )
    inside = SimpleITK.And(SimpleITK.Cast(air, SimpleITK.sitkUInt8), SimpleITK.Not(outside))
    smallest = int(300_000 / volume.voxel_volume_mm3)
    parts = SimpleITK.RelabelComponent(SimpleITK.ConnectedComponent(inside), smallest)
    found: NDArray[np.bool_] = SimpleITK.GetArrayFromImage(parts) > 0
    return found


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
    assert output.notes[:-1] == ("No right lung was found in the images.",)


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
    (note, _) = output.notes
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
    assert output.notes[:-1] == (
        "The images cut the body off on the left: whether the lung is the left or the right one"
        " is not determined.",
    )
    for one in output.measurements:
        assert one.validity is not None
        assert (one.validity.state, one.validity.cut_off_at) == ("truncated", ("left",))
