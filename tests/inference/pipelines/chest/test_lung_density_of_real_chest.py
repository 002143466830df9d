"""lung-density on a real CT, beside SimpleITK."""

import time
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from numpy.typing import NDArray

from inference.imaging.volume import Volume, assemble_volume
from inference.pipeline import PipelineContext
from inference.pipelines.chest.lung_density import LungDensity
from storage.settings import Settings
from tests.inference.cutting import every_second_voxel_in_plane
from tests.inference.pipelines.chest.measured import dice

# Fifteen seconds on two cores, as processor time: other work on the machine does not count.
LONGEST_PROCESSOR_S = 30.0


@pytest.fixture(scope="module")
def chest(shared_data: Path) -> Volume:
    paths = (shared_data / "ct_chest_LIDC-IDRI-0001").glob("*.dcm")
    return assemble_volume([pydicom.dcmread(path) for path in paths])


def test_on_a_real_chest_it_finds_what_simpleitk_finds(chest: Volume) -> None:
    volume = every_second_voxel_in_plane(chest)
    output = LungDensity().run(PipelineContext(Settings(), volume))
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


@pytest.mark.slow
def test_a_real_chest_takes_seconds(chest: Volume) -> None:
    started = time.process_time()
    output = LungDensity().run(PipelineContext(Settings(), chest))
    assert time.process_time() - started < LONGEST_PROCESSOR_S
    assert (
        dice((output.mask(0) | output.mask(1)) & (chest.voxels < -500), two_thresholds(chest))
        > 0.98
    )


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
