"""Each measured volume knows how much surface it has, by which a change of it is judged."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from inference.imaging.volume import Volume
from inference.models.card import FixedGrid, ModelCard
from inference.pipeline import Measurement, PipelineOutput
from inference.pipelines.brain.brain_structures import BrainStructures
from inference.pipelines.brain.brain_volume import BrainVolume
from inference.volume_preparation.surfaces import surface_of, with_surfaces
from storage.core.findings import Surface
from tests.inference.results_support import CM3, VOLUME
from tests.inference.volume_preparation.test_coverage import ball, phantom


@dataclass(frozen=True)
class Model:
    card: ModelCard
    grid_mm: float = 0.0


def surfaces(
    model: Model, output: PipelineOutput, volume: Volume, by_hand: frozenset[int] = frozenset()
) -> list[Surface | None]:
    found = with_surfaces(model, output, volume, by_hand)  # type: ignore[arg-type]
    return [one.validity and one.validity.surface for one in found.measurements]


def test_the_surface_of_a_ball_by_its_voxels() -> None:
    """An ellipsoid of 16, 12 and 8 mm (Thomsen's formula), on voxels of 2 × 1.5 × 1 mm."""
    volume, _ = phantom()
    surface = surface_of(ball((15.0, 20.0, 25.0)), volume)
    a, b, c = (side**1.6075 for side in (16.0, 12.0, 8.0))
    area_mm2 = 4 * np.pi * ((a * b + a * c + b * c) / 3) ** (1 / 1.6075)
    assert surface.area_mm2 == pytest.approx(area_mm2, rel=0.1)
    assert 1.0 < surface.depth_mm < 2.0


def test_totals_grids_and_what_people_drew() -> None:
    volume, output = phantom()
    total = Measurement("Both", VOLUME, 5.0, CM3, parts=(0, 1))
    count = Measurement("Number", VOLUME, 2.0, CM3)
    output = replace(output, measurements=(*output.measurements, total, count))
    plain, fixed = Model(BrainVolume.card), Model(BrainStructures.card)
    brain, cerebellum, both, number = surfaces(plain, output, volume)
    assert brain
    assert cerebellum
    assert both
    assert number is None
    assert both.area_mm2 == pytest.approx(brain.area_mm2 + cerebellum.area_mm2)
    assert (brain.fixed_grid_mm, brain.depth_mm) == (
        0.0,
        surface_of(output.mask(0), volume).depth_mm,
    )
    coarse = surfaces(replace(plain, grid_mm=3.0), output, volume)[0]
    assert coarse == replace(brain, depth_mm=3.0)
    on_grid = surfaces(fixed, output, volume, frozenset({1}))
    assert [one and one.fixed_grid_mm for one in on_grid] == [1.0, 0.0, 0.0, None]
    card = replace(BrainStructures.card, fixed_grid=FixedGrid(2.5, "As a test."))
    coarser = surfaces(Model(card), output, volume)[0]
    assert coarser == replace(brain, depth_mm=2.5, fixed_grid_mm=2.5)
    # Masks that may overlap; and what is known already stays.
    each = np.stack([output.mask(0), output.mask(1)], axis=-1)
    assert surfaces(plain, replace(output, masks=each), volume) == [brain, cerebellum, both, None]
    known = with_surfaces(plain, output, volume)  # type: ignore[arg-type]
    assert with_surfaces(fixed, known, volume) == known  # type: ignore[arg-type]
