"""Masks of the reference on the own grid of another series."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.imaging.volume import assemble_volume
from inference.results.encode import encode_results
from inference.results.file_writing import part10
from inference.results.other_grids import OtherGrid, masks_on
from tests import builders
from tests.inference.results_support import PIPELINE, complaints, job_for, output_of, save

# The other series shows everything 4 mm to the left of where the reference has it.
REFERENCE_FROM_INPUT = np.eye(4)
REFERENCE_FROM_INPUT[0, 3] = -4.0


@pytest.mark.slow
@pytest.mark.parametrize("overlapping", [False, True])
def test_a_mask_is_given_on_the_grid_of_each_series(tmp_path: Path, *, overlapping: bool) -> None:
    reference = builders.series(np.zeros((6, 12, 10), np.int16), spacing_mm=(2.0, 2.0, 2.0))
    other = builders.series(
        np.zeros((12, 12, 14), np.int16),
        spacing_mm=(1.0, 2.0, 2.0),
        seed=4,
        SeriesInstanceUID="2.25.44",
        FrameOfReferenceUID="2.25.45",
        StudyInstanceUID=reference[0].StudyInstanceUID,
    )
    volume, elsewhere = assemble_volume(reference), assemble_volume(other)
    mask = np.zeros(volume.voxels.shape, bool)
    mask[2:4, 3:6, 4:9] = True
    second = np.zeros_like(mask)
    second[2:4, 5:9, 4:9] = True
    output = output_of(volume, mask, second)
    if not overlapping:
        second &= ~mask
        output = replace(output, masks=mask.astype(np.uint8) + 2 * second.astype(np.uint8))
    grid = OtherGrid(other, elsewhere.without_voxels(), REFERENCE_FROM_INPUT)
    found = masks_on(grid, volume, output)
    found = found[..., 0] if overlapping else found == 1
    lps = elsewhere.lps_from_kji @ np.vstack([np.argwhere(found).T, np.ones(int(found.sum()))])
    kji = np.linalg.inv(volume.lps_from_kji) @ REFERENCE_FROM_INPUT @ lps
    assert mask[tuple(np.rint(kji[:3] - 1e-9).astype(int))].mean() > 0.7
    assert found.sum() * elsewhere.voxel_volume_mm3 == pytest.approx(
        mask.sum() * volume.voxel_volume_mm3, rel=0.3
    )
    job = job_for(volume)
    made = encode_results(job, PIPELINE, reference, volume, output, other_grids=[grid])
    own, on_other = (one.dataset for one in made.objects if one.kind == "SEG")
    assert complaints(save(on_other, tmp_path / "other.dcm")) == []
    assert on_other.FrameOfReferenceUID == "2.25.45"
    assert on_other.ReferencedSeriesSequence[0].SeriesInstanceUID == "2.25.44"
    assert on_other.SeriesInstanceUID != own.SeriesInstanceUID
    assert [one.TrackingUID for one in on_other.SegmentSequence] == [
        one.TrackingUID for one in own.SegmentSequence
    ]
    again = encode_results(job, PIPELINE, reference, volume, output, other_grids=[grid])
    assert part10(again.objects[1].dataset) == part10(on_other)


def test_a_series_that_shows_nothing_of_it_has_none() -> None:
    reference = builders.series(np.zeros((4, 6, 6), np.int16))
    volume = assemble_volume(reference)
    far = np.eye(4)
    far[2, 3] = 500.0
    grid = OtherGrid(reference, volume, far)
    output = output_of(volume, np.ones(volume.voxels.shape, bool))
    made = encode_results(job_for(volume), PIPELINE, reference, volume, output, other_grids=[grid])
    assert [one.kind for one in made.objects] == ["SEG", "SR"]
