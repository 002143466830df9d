"""lung-density on a chest that is known to the voxel: volumes, density, emphysema."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray

from inference.findings.build import build_findings
from inference.imaging.volume import Volume
from inference.pipeline import PipelineContext
from inference.pipelines.chest.lung_density import LungDensity
from inference.results.sr.pdf import _own_measures
from inference.volume_preparation.coverage import run_with_coverage
from storage.core.errors import InvalidRequest
from storage.settings import Settings
from tests.inference.chest import SPACING_MM, Chest, chest, volume_of
from tests.inference.cutting import cut
from tests.inference.pipelines.chest.measured import VOXEL_ML, run
from tests.inference.results_support import job_for


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
    # Half a litre of it has no texture of lung.
    assert validity == "implausible"
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


def test_without_a_volume_it_says_what_it_needs() -> None:
    with pytest.raises(InvalidRequest, match="no volume"):
        LungDensity().run(PipelineContext(Settings()))
