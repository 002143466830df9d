"""A real chest and a real head, cut at each side, have no whole lung and no whole brain there."""

from pathlib import Path

import pydicom
import pytest

from inference.imaging.volume import Volume, assemble_volume
from inference.pipeline import (
    PipelineContext,
)
from inference.pipelines.brain.brain_volume import BrainVolume
from inference.pipelines.chest.lung_density import LungDensity
from inference.volume_preparation.coverage import (
    run_with_coverage,
)
from storage.core.findings import Direction
from storage.settings import Settings
from tests.inference.cutting import cut, every_second_voxel_in_plane

# Where a chest of 133 slices of 256 x 256 is cut through both lungs: (start, stop) of the axis.
CUTS_OF_THE_CHEST: list[tuple[Direction, int, int, int]] = [
    ("superior", 0, 0, 66),
    ("inferior", 0, 66, 133),
    ("left", 2, 0, 180),
    ("right", 2, 75, 256),
    ("anterior", 1, 100, 256),
    ("posterior", 1, 0, 150),
]


@pytest.fixture(scope="module")
def real_chest(shared_data: Path) -> Volume:
    paths = (shared_data / "ct_chest_LIDC-IDRI-0001").glob("*.dcm")
    whole = assemble_volume([pydicom.dcmread(path) for path in paths])
    return every_second_voxel_in_plane(whole)


def litres_of(volume: Volume) -> dict[str, tuple[float, tuple[Direction, ...]]]:
    output = run_with_coverage(LungDensity(), PipelineContext(Settings(), volume))
    return {
        one.label: (one.value, one.validity.cut_off_at if one.validity else ())
        for one in output.measurements
        if one.label.endswith("volume")
    }


@pytest.fixture(scope="module")
def whole_litres(real_chest: Volume) -> dict[str, tuple[float, tuple[Direction, ...]]]:
    return litres_of(real_chest)


def test_a_real_chest_is_complete(
    whole_litres: dict[str, tuple[float, tuple[Direction, ...]]],
) -> None:
    found = whole_litres
    assert {label: where for label, (_, where) in found.items()} == {
        "Left lung volume": (),
        "Right lung volume": (),
        "Both lungs volume": (),
    }
    # Of all voxels 3.685.
    assert found["Both lungs volume"][0] == pytest.approx(3.685, abs=0.04)


@pytest.mark.parametrize(
    ("side", "axis", "start", "stop"),
    [
        # Each is a run of the whole pipeline; test_coverage.py cuts phantoms at every side.
        pytest.param(*cut, marks=() if cut[0] == "left" else pytest.mark.slow)
        for cut in CUTS_OF_THE_CHEST
    ],
)
def test_a_real_chest_that_was_cut_has_no_whole_lung_there(
    real_chest: Volume,
    whole_litres: dict[str, tuple[float, tuple[Direction, ...]]],
    side: Direction,
    axis: int,
    start: int,
    stop: int,
) -> None:
    whole, part = whole_litres, litres_of(cut(real_chest, axis, start, stop))
    assert "Both lungs volume" not in part
    for label in ("Left lung volume", "Right lung volume"):
        litres, where = part[label]
        if litres < 0.99 * whole[label][0]:
            assert where == (side,), (label, litres)
        else:
            # The lung of the other side is whole, and its volume is what it was.
            assert where == ()
            assert side in ("left", "right")
            assert side not in label.lower()
            assert litres == pytest.approx(whole[label][0], rel=0.01)


@pytest.fixture(scope="module")
def real_head(shared_data: Path) -> Volume:
    paths = sorted((shared_data / "mr_t1_head").glob("*.dcm"))
    return assemble_volume([pydicom.dcmread(path) for path in paths])


def brain_of(volume: Volume) -> tuple[float, tuple[Direction, ...]]:
    output = run_with_coverage(BrainVolume(), PipelineContext(Settings(), volume))
    (found,) = output.measurements
    assert found.validity is not None
    return found.value, found.validity.cut_off_at


@pytest.mark.slow
def test_a_real_head_is_complete_though_it_ends_in_the_neck(real_head: Volume) -> None:
    value, where = brain_of(real_head)
    assert where == ()
    assert value == pytest.approx(1791.7, rel=0.005)
    # Cut through the neck: slices run upwards, and the brain begins at the 124th.
    value, where = brain_of(cut(real_head, 0, 100, 384))
    assert where == ()
    assert value == pytest.approx(1791.7, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("side", "axis", "start", "stop"),
    [
        ("superior", 0, 0, 230),
        ("posterior", 1, 0, 230),
        ("left", 2, 0, 164),
        ("inferior", 0, 146, 384),
        ("anterior", 1, 153, 384),
        ("right", 2, 109, 274),
    ],
)
def test_a_real_head_that_was_cut_has_no_whole_brain(
    real_head: Volume, side: Direction, axis: int, start: int, stop: int
) -> None:
    value, where = brain_of(cut(real_head, axis, start, stop))
    assert where == (side,)
    assert value < 0.99 * 1791.7
