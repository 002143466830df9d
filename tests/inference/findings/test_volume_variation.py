"""The limit of a volume's change beside what voxels make of bodies that have not changed."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from inference.imaging.volume import Volume
from inference.volume_preparation.surfaces import surface_of
from storage.core.findings import Code, Finding, Prior, Surface, Validity
from storage.core.variation import known_before, left_open_mm3, variation_of

SERIES = (
    # Slices, rows, columns in mm; and the grid that a model segments on, if not on that.
    ((3.0, 2.0, 2.0), 2.0),
    ((3.5, 1.9, 2.1), 2.0),
    ((1.0, 0.7, 0.7), None),
    ((5.0, 1.0, 1.0), None),
    ((3.0, 2.0, 2.0), None),
    ((2.5, 0.8, 0.8), 1.5),
    ((1.5, 1.5, 1.5), 2.0),
)
PAIRS = {100: 60, 300: 60, 800: 60, 1500: 40, 5000: 30, 20000: 10}


def finding(
    mm3: float,
    surface: Surface | None,
    pipeline: str = "model-lesions",
    version: str = "1",
) -> Finding:
    return Finding(
        finding_id="1",
        job_id="1",
        study_instance_uid="2.25.1",
        series_instance_uid="2.25.2",
        pipeline=pipeline,
        pipeline_version=version,
        label="Lesion 1 volume",
        code=Code("118565006", "SCT", "Volume"),
        value=mm3 / 1000.0,
        unit=Code("cm3", "UCUM", "cubic centimeter"),
        confidence=None,
        tracking_identifier="",
        tracking_uid="",
        segmentation=None,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        validity=Validity("complete", surface=surface),
    )


def scanned(
    axes_mm: NDArray[np.float64],
    turn: NDArray[np.float64],
    spacing_mm: tuple[float, float, float],
    model_mm: float | None,
    rng: np.random.Generator,
) -> Finding:
    """An ellipsoid as a mask on the grid of a series, that lies anywhere between its voxels."""
    spacing = np.array(spacing_mm)
    shape = np.ceil((2 * axes_mm.max() + 10) / spacing).astype(int)
    lines = [(np.arange(n) - (n - 1) / 2) * mm for n, mm in zip(shape, spacing, strict=True)]
    points = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1)
    points += rng.uniform(-0.5, 0.5, 3) * spacing
    mask = np.linalg.norm(points @ turn / axes_mm, axis=-1) < 1.0
    if model_mm is not None:
        seen = _resampled(mask, spacing / model_mm)
        mask = _resampled(seen, np.array(mask.shape) / seen.shape)
    volume = _volume(mask, spacing)
    mm3 = float(np.count_nonzero(mask)) * volume.voxel_volume_mm3
    return finding(mm3, surface_of(mask, volume))


def _resampled(mask: NDArray[np.bool_], zoom: NDArray[np.float64]) -> NDArray[np.bool_]:
    shown = ndimage.zoom(mask.astype(np.float32), zoom, order=1, grid_mode=True, mode="nearest")
    return np.asarray(shown > 0.5)


def _volume(mask: NDArray[np.bool_], spacing: NDArray[np.float64]) -> Volume:
    affine = np.diag([*spacing, 1.0])[[2, 1, 0, 3]]
    nothing = np.zeros(mask.shape, np.float32)
    names = ("2.25.3",) * mask.shape[0]
    return Volume(
        nothing, affine, names, (1,) * len(names), tuple(range(len(names))), "2.25.4", "2.25.2",
        "2.25.1", "CT", "MONOCHROME2", np.full((len(names), 2), np.nan, np.float32),
    )  # fmt: skip


@pytest.mark.parametrize("mm3", PAIRS)
def test_what_has_not_changed_is_hardly_ever_called_changed(mm3: int) -> None:
    """Most pairs, on any two grids; and the limit is not wide for its own sake."""
    rng = np.random.default_rng(mm3)
    limits, changes = [], []
    while len(changes) < PAIRS[mm3]:
        axes = np.exp(rng.uniform(-0.4, 0.4, 3))
        axes *= (mm3 * 3 / (4 * np.pi * axes.prod())) ** (1 / 3)
        turn = Rotation.random(random_state=int(rng.integers(2**30))).as_matrix()
        first, second = (
            scanned(axes, turn, *SERIES[rng.integers(len(SERIES))], rng) for _ in range(2)
        )
        if not first.value or second.value is None:
            continue
        limit = variation_of(second, first, first.value)
        assert limit is not None
        assert limit.percent is not None
        limits.append(limit.percent)
        changes.append(abs(second.value - first.value) / first.value * 100.0)
    assert np.mean(np.array(changes) < limits) >= 0.85
    assert np.median(limits) < 3.0 * float(np.percentile(changes, 95))


CONFORMED = Surface(area_mm2=2500.0, depth_mm=1.0, fixed_grid_mm=1.0)


def percent(now: Finding, then: Finding, before_cm3: float) -> float:
    limit = variation_of(now, then, before_cm3)
    assert limit is not None
    assert limit.percent is not None
    return limit.percent


def test_a_model_on_a_grid_of_its_own_stays_sensitive() -> None:
    """A hippocampus that has lost 4 % has lost it; not by another version, nor drawn by hand."""
    then = finding(3800, CONFORMED, "brain-structures")
    now = finding(3648, CONFORMED, "brain-structures")
    assert percent(now, then, 3.8) < 3.5
    newer = replace(now, pipeline_version="2")
    drawn = finding(3648, replace(CONFORMED, fixed_grid_mm=0.0), "brain-structures")
    assert percent(newer, then, 3.8) > 6.0
    assert 4.0 < percent(drawn, then, 3.8) < percent(newer, then, 3.8)
    # Of what the series' voxels exceed the grid's, nothing cancels.
    coarse = finding(3648, replace(CONFORMED, depth_mm=1.8), "brain-structures")
    assert percent(coarse, then, 3.8) > 6.0


def test_the_coarser_of_two_measurements_decides() -> None:
    fine, coarse = Surface(480.0, 0.7), Surface(480.0, 2.3)
    sharp, blunt = finding(1000, fine), finding(1000, coarse)
    assert percent(sharp, sharp, 1.0) < 10.0
    assert percent(sharp, blunt, 1.0) > 25.0
    assert percent(blunt, sharp, 1.0) == percent(sharp, blunt, 1.0)
    assert left_open_mm3(0.0, fine) == 0.0


@pytest.mark.parametrize(
    ("mm3", "apart"),
    # What 95 of 100 pairs of spheres of that size lay apart, on the series above.
    [(300, 42.0), (800, 15.0), (1500, 9.2), (5000, 8.1), (20000, 4.7), (100000, 1.1)],
)
def test_what_was_stored_before_has_a_limit_by_its_size(mm3: float, apart: float) -> None:
    old = replace(finding(mm3, None), validity=None)
    assert apart < percent(old, old, mm3 / 1000.0) < max(4.0 * apart, 7.0)


def test_a_stored_change_goes_by_what_was_compared() -> None:
    """Another version of the model shares no grid; of a split, all parts are compared."""
    stored = Prior("2", "2.25.9", "20250101", "1", 3.8, 365, -4.0, -4.0)

    def limit(version: str, prior: Prior, mm3: float = 3648) -> float:
        old = replace(finding(mm3, None, "brain-structures", version), prior=prior)
        found = known_before(old).prior
        assert found is not None
        return found.variation_percent

    assert limit("1", stored) < 4.0
    assert limit("2", stored) > 6.0
    # Parts of 0.4 cm3 of 3.648 cm3 together, after 3.8 cm3.
    split = replace(stored, relation="split", parts_now=4, value_now=3.648)
    assert limit("1", split, 400) == limit("1", stored)


def test_a_stored_change_of_a_small_lesion_is_told_no_more() -> None:
    before = Prior("2", "2.25.9", "20250101", "1", 0.5, 365, 5.0, 5.0)
    old = known_before(replace(finding(525, None), validity=None, prior=before))
    assert old.prior is not None
    assert old.prior.is_within_variation
    of_brain = replace(finding(3990, None, "brain-structures"), prior=replace(before, value=3.8))
    still = known_before(of_brain).prior
    assert still is not None
    assert not still.is_within_variation
