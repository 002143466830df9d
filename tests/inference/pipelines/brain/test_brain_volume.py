"""brain-volume on the real T1 head, beside deepbet's own program on the same voxels."""

import time
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK

from inference.imaging.volume import Volume, assemble_volume
from inference.pipeline import PipelineContext, PipelineOutput
from inference.pipelines.brain.brain_volume import BrainVolume
from storage.core.errors import InvalidRequest
from storage.settings import Settings
from tests.inference.itk import read_series

DEEPBET_CM3 = 1791.7
# Twelve seconds on two cores, as processor time: other work on the machine does not count.
LONGEST_PROCESSOR_S = 24.0


@pytest.fixture(scope="module")
def volume(shared_data: Path) -> Volume:
    paths = (shared_data / "mr_t1_head").glob("*.dcm")
    return assemble_volume([pydicom.dcmread(path) for path in paths])


@pytest.fixture(scope="module")
def measured(volume: Volume) -> tuple[PipelineOutput, list[tuple[str, float]], float]:
    stages: list[tuple[str, float]] = []
    context = PipelineContext(
        Settings(), volume, on_progress=lambda stage, share: stages.append((stage, share))
    )
    started = time.process_time()
    output = BrainVolume().run(context)
    return output, stages, time.process_time() - started


def test_the_volume_is_deepbets(
    measured: tuple[PipelineOutput, list[tuple[str, float]], float],
) -> None:
    (measurement,) = measured[0].measurements
    assert measurement.value == pytest.approx(DEEPBET_CM3, rel=0.005)
    assert (measurement.code.value, measurement.unit.value) == ("118565006", "cm3")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # pandas and nibabel inside deepbet
def test_the_mask_is_deepbets_voxel_for_voxel(
    shared_data: Path,
    tmp_path: Path,
    measured: tuple[PipelineOutput, list[tuple[str, float]], float],
) -> None:
    from deepbet import BrainExtraction

    source, mask_path = tmp_path / "t1.nii", tmp_path / "mask.nii"
    SimpleITK.WriteImage(read_series(shared_data / "mr_t1_head"), str(source))
    BrainExtraction(no_gpu=True).run(str(source), mask_path=str(mask_path))
    theirs = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(mask_path))) > 0
    ours = measured[0].mask(0)
    assert ours.dtype == np.bool_
    assert np.count_nonzero(ours != theirs) <= 10
    assert np.count_nonzero(theirs) > 5_000_000


@pytest.mark.slow
def test_progress_names_each_stage_in_order(
    measured: tuple[PipelineOutput, list[tuple[str, float]], float],
) -> None:
    names = [stage for stage, _ in measured[1]]
    shares = [share for _, share in measured[1]]
    assert names == ["load_model", "find_brain", "segment", "clean_up", "measure"]
    assert shares == sorted(shares)


def test_it_is_quick_enough(
    measured: tuple[PipelineOutput, list[tuple[str, float]], float],
) -> None:
    assert measured[2] < LONGEST_PROCESSOR_S


def test_without_a_volume_it_says_what_it_needs() -> None:
    with pytest.raises(InvalidRequest, match="was given no volume"):
        BrainVolume().run(PipelineContext(Settings()))
