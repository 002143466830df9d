"""Tilted slices: refused by pipelines that say nothing, resampled for those that ask for it."""

import copy
from io import BytesIO
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.volume import Volume, assemble_volume
from inference.pipeline import PipelineContext, PipelineOutput
from inference.refusals import VolumeRefused
from inference.scheduling.schedule import complete_and_schedule
from inference.volume_preparation.tilt import derivation_text, run_upright
from inference.worker.run import run_job
from tests import builders
from tests.inference.imaging.test_volume_beside_dcm2niix import nifti_files, on_grid_of
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.real_volumes import paths_of
from tests.inference.results_support import complaints, output_of, save
from tests.inference.small import BrightRegion, mr_slice, study_uid


class _Keeps:
    """A pipeline that keeps the volume it was given, and masks what `bright` says of it."""

    name, version, title, description, accepts_text = "keeps", "1", "Keeps", "", ""
    input_kind = "volume"
    resamples_tilt = True

    def __init__(self, bright: float = np.inf) -> None:
        self.bright = bright

    def run(self, context: PipelineContext) -> PipelineOutput:
        assert context.volume is not None
        self.volume = context.volume
        mask = self.volume.voxels > self.bright
        return output_of(self.volume, mask) if mask.any() else PipelineOutput()


def tilted_ct(shared_data: Path, degrees: float = 17.3, slices: int = 12) -> list[Dataset]:
    """Slices of the real chest CT, cut to 90 × 110, as a gantry tilted by so much writes them.

    The planes stand on the patient at that angle, and the table moves along the patient.
    """
    paths = sorted((shared_data / "ct_chest_LIDC-IDRI-0001").rglob("*.dcm"))
    datasets = [pydicom.dcmread(path) for path in paths]
    datasets.sort(key=lambda ds: float(ds.ImagePositionPatient[2]))
    turn = np.radians(degrees)
    column = [0.0, float(np.cos(turn)), float(np.sin(turn))]
    for k, ds in enumerate(datasets[40 : 40 + slices]):
        ds.PixelData = ds.pixel_array[200:290, 180:290].tobytes()
        ds.Rows, ds.Columns = 90, 110
        ds.ImageOrientationPatient = [1.0, 0.0, 0.0, *(round(value, 10) for value in column)]
        ds.ImagePositionPatient = [-40.0, -60.0, round(-150.0 + 2.5 * k, 6)]
        ds.GantryDetectorTilt = degrees
        ds.SeriesInstanceUID, ds.SOPInstanceUID = "1.2.3.4", f"1.2.3.4.{k}"
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    return datasets[40 : 40 + slices]


def _resampled_by_simpleitk(source: Volume, target: Volume) -> NDArray[np.float32]:
    """`source` at the voxels of `target`, from index to index; NaN where it has none.

    SimpleITK states no shear in an image, so both are images of indices, and the way from one
    to the other is an affine transform made of the two affines.
    """
    image = SimpleITK.GetImageFromArray(source.voxels)
    ijk = [2, 1, 0, 3]
    between = (np.linalg.inv(source.lps_from_kji) @ target.lps_from_kji)[ijk][:, ijk]
    transform = SimpleITK.AffineTransform(3)
    # Rounded, so that a slice is itself and not one of 1e-16 beyond the last.
    transform.SetMatrix(np.round(between[:3, :3], 9).ravel().tolist())
    transform.SetTranslation(np.round(between[:3, 3], 9).tolist())
    grid = SimpleITK.Image(list(target.voxels.shape[::-1]), SimpleITK.sitkFloat32)
    found = SimpleITK.Resample(image, grid, transform, SimpleITK.sitkLinear, float("nan"))
    return SimpleITK.GetArrayFromImage(found)


def test_a_sheared_real_ct_is_resampled_as_simpleitk_resamples_it(shared_data: Path) -> None:
    source = assemble_volume(tilted_ct(shared_data), tilted=True)
    pipeline = _Keeps()
    run_upright(pipeline, PipelineContext(None, source))  # type: ignore[arg-type]
    upright = pipeline.volume
    steps = upright.lps_from_kji[:3, :3]
    np.testing.assert_allclose(steps[:, 0] @ steps[:, 1:], 0, atol=1e-9)
    assert upright.voxel_volume_mm3 == pytest.approx(source.voxel_volume_mm3, rel=1e-9)
    theirs = _resampled_by_simpleitk(source, upright)
    # Half a voxel at the rim counts as inside there; here a voxel lies between two centres.
    inside = np.isfinite(theirs) & (upright.voxels != -3024)
    assert inside.mean() > 0.8
    np.testing.assert_allclose(upright.voxels[inside], theirs[inside], atol=0.05)
    assert np.isnan(theirs).sum() > 0
    # Where no slice reaches, the padding that the series states.
    assert set(upright.voxels[np.isnan(theirs)]) == {-3024.0}


def test_dcm2niix_takes_the_same_tilt_out_of_a_real_series(
    shared_data: Path, tmp_path: Path
) -> None:
    paths = paths_of(shared_data, "geometry_guards/gantrytilting_001/*.dcm")
    source = assemble_volume([pydicom.dcmread(path) for path in paths], tilted=True)
    pipeline = _Keeps()
    run_upright(pipeline, PipelineContext(None, source))  # type: ignore[arg-type]
    upright = pipeline.volume
    (corrected,) = (path for path in nifti_files(paths, tmp_path) if "Tilt" in path.name)
    theirs, affine = on_grid_of(upright.lps_from_kji, upright.voxels.shape, nibabel.load(corrected))
    assert np.abs(affine - upright.lps_from_kji).max() < 1e-3
    # It rounds to whole HU, and reaches half a voxel beyond the first and last row.
    apart = np.abs(upright.voxels - theirs) > 1
    assert apart.any(axis=2).sum(axis=1).max() <= 1


def test_masks_come_back_where_the_bright_voxels_lie(shared_data: Path) -> None:
    source = assemble_volume(tilted_ct(shared_data), tilted=True)
    output = run_upright(_Keeps(bright=100), PipelineContext(None, source))  # type: ignore[arg-type]
    found, truth = output.mask(0), source.voxels > 100
    assert found.shape == source.voxels.shape
    overlap = 2 * (found & truth).sum() / (found.sum() + truth.sum())
    assert overlap > 0.85  # noise at the threshold; shifted by a voxel it is 0.74
    shifted = 2 * (np.roll(found, 1, 1) & truth).sum() / (found.sum() + truth.sum())
    assert shifted < overlap - 0.05
    assert output.derivation == derivation_text(17.3)


def test_a_straight_volume_is_handed_on_as_it_is() -> None:
    volume = assemble_volume(builders.series(np.zeros((4, 5, 6), np.int16)))
    pipeline = _Keeps()
    assert run_upright(pipeline, PipelineContext(None, volume)).derivation == ""  # type: ignore[arg-type]
    assert pipeline.volume is volume


def _tilted_mr(number: int) -> bytes:
    ds = pydicom.dcmread(BytesIO(mr_slice("tilted", number)))
    turn = np.radians(12.0)
    ds.ImageOrientationPatient = [1, 0, 0, 0, round(np.cos(turn), 10), round(np.sin(turn), 10)]
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


class _Upright(BrightRegion):
    resamples_tilt = True


def test_a_job_states_the_shear_in_all_that_it_gives(tmp_path: Path) -> None:
    """The decision, the job, the SEG and the SR; another pipeline refuses the same series."""
    upright, refuses = _Upright(name="upright"), BrightRegion()
    with storage_in(tmp_path) as storage:
        receive(storage, [_tilted_mr(number) for number in range(1, 7)])
        decisions = {
            one.pipeline: one
            for one in complete_and_schedule(storage, later(10), (upright, refuses))
        }
        assert not decisions["bright-region"].accepted
        assert "tilted by 12.0°" in decisions["bright-region"].reason
        assert decisions["upright"].reason.endswith(
            "Its slices are tilted by 12.0° and are resampled upright for the model."
        )
        job_id = decisions["upright"].job_id or ""
        run_job(storage, job_id, "worker", pipelines=(upright,))
        job = storage.jobs.get(job_id)
        assert (job.state, job.reason) == ("COMPLETED", "")
        results = {
            str(ds.Modality): ds
            for series in storage.index.series_of(study_uid("tilted"))
            if series.origin == "generated"
            for one in storage.index.instances_of(study_uid("tilted"), series.series_instance_uid)
            for ds in [storage.instances.dataset(one)]
        }
    stated = derivation_text(12.0)
    for groups in results["SEG"].PerFrameFunctionalGroupsSequence:
        assert groups.DerivationImageSequence[0].DerivationDescription == stated
    assert f"preprocessing={stated}" in results["SR"].to_json()
    for kind in ("SEG", "SR"):
        assert complaints(save(results[kind], tmp_path / f"{kind}.dcm")) == []
    # The mask lies on the frames as they were sent.
    assert results["SEG"].Rows == pydicom.dcmread(BytesIO(_tilted_mr(1))).Rows


def test_slices_that_lean_without_a_gantry_are_refused_by_default() -> None:
    datasets = builders.series(np.zeros((6, 5, 4), np.int16), modality="CT")
    leaning = [builders.moved(copy.deepcopy(ds), (0, 0.4 * k, 0)) for k, ds in enumerate(datasets)]
    with pytest.raises(VolumeRefused, match="gantry tilt"):
        assemble_volume(leaning)
    assert assemble_volume(leaning, tilted=True).voxels.shape == (6, 5, 4)
