"""Arrays of the client beside SimpleITK's."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray

from mediview_client import MediView


@pytest.fixture(scope="module")
def by_itk(study_folder: Path) -> sitk.Image:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(study_folder)))
    return reader.Execute()


def series_uid(node: MediView, study_instance_uid: str) -> str:
    study = node.studies.get(study_instance_uid)
    (found,) = (one for one in study["series"] if one["origin"] == "received")
    return found["series_instance_uid"]


def sampled(image: sitk.Image, affine: NDArray[np.float64], shape: tuple[int, ...]) -> list[int]:
    """The image's values at the places of an array's voxels, in the order of the array."""
    found = []
    for index in np.ndindex(*shape):
        place = (affine @ [*index, 1.0])[:3]
        found.append(int(image.GetPixel(image.TransformPhysicalPointToIndex(place.tolist()))))
    return found


def test_each_voxel_lies_where_another_reader_finds_it(
    node: MediView, study_instance_uid: str, by_itk: sitk.Image
) -> None:
    volume = node.images.volume(study_instance_uid, series_uid(node, study_instance_uid))
    assert volume.array.shape == by_itk.GetSize()[::-1]
    assert volume.spacing_mm == pytest.approx(by_itk.GetSpacing()[::-1], abs=1e-4)
    expected = sampled(by_itk, volume.affine, volume.array.shape)
    assert volume.array.astype(int).ravel().tolist() == expected
    left_to_right = volume.ras_affine @ [1.0, 2.0, 3.0, 1.0]
    assert left_to_right[:2] == pytest.approx(-(volume.affine @ [1.0, 2.0, 3.0, 1.0])[:2])


@pytest.mark.slow
def test_a_mask_covers_what_is_bright_in_the_other_reader(
    node: MediView, study_instance_uid: str, by_itk: sitk.Image
) -> None:
    (mask,) = node.images.segmentations(study_instance_uid)
    bright = np.array(sampled(by_itk, mask.affine, mask.labels.shape)) > 500
    assert mask.mask(1).ravel().tolist() == bright.tolist()
    assert bright.sum() == np.count_nonzero(sitk.GetArrayFromImage(by_itk) > 500), "and all of it"
    (segment,) = mask.segments
    assert (segment.number, segment.label, segment.code[:2]) == (1, "Bright", ("12738006", "SCT"))
    (finding,) = node.findings.of_study(study_instance_uid)
    assert mask.volume_ml(1) == pytest.approx(finding["value"], abs=5e-4)


def test_a_mask_comes_on_the_grid_of_its_series(node: MediView, study_instance_uid: str) -> None:
    volume = node.images.volume(study_instance_uid, series_uid(node, study_instance_uid))
    (mask,) = node.images.segmentations(study_instance_uid)
    whole = mask.on(volume)
    assert whole.labels.shape == volume.array.shape
    assert np.allclose(whole.affine, volume.affine, atol=1e-4)
    assert (whole.mask(1) == (volume.array > 500)).all()


def test_a_series_comes_as_the_files_that_were_sent(
    node: MediView, study_instance_uid: str, study_folder: Path
) -> None:
    uid = series_uid(node, study_instance_uid)
    sent = {path.read_bytes() for path in study_folder.glob("IM*")}
    assert set(node.images.series(study_instance_uid, uid)) == sent
    (found,) = node.images.search("series", SeriesInstanceUID=uid)
    assert found["0020000D"]["Value"] == [study_instance_uid]
    headers = node.images.metadata(study_instance_uid, uid)
    first = headers[0]["00080018"]["Value"][0]
    assert node.images.instance(study_instance_uid, uid, first) in sent
