"""The demo studies, read by others than the one who wrote them."""

import subprocess
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray

from api.demo import film as demo_film
from api.demo import study as demo
from api.demo.chest import SHAPE, ChestFilm, draw_film
from api.demo.head import Head, draw_head
from inference.pipelines.single_images.film_field import saturated_share
from inference.single_images.exposed_field import find_exposed_field
from storage.core.errors import NotConfigured
from tests.services import tool
from tests.standard.validator import validator_complaints


@pytest.fixture(scope="module")
def drawn() -> Head:
    return draw_head()


@pytest.fixture(scope="module")
def chest() -> ChestFilm:
    return draw_film()


@pytest.fixture(scope="module")
def head(drawn: Head) -> demo.Template:
    return demo.Template(drawn.voxels, drawn.lps_from_kji, "0" * 64, "drawn")


@pytest.fixture(scope="module")
def folder(head: demo.Template, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    for index, data in enumerate(demo.write_instances(head)):
        (folder / f"{index:04}.dcm").write_bytes(data)
    return folder


def by_simpleitk(folder: Path) -> sitk.Image:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


@pytest.mark.slow
def test_the_validators_find_no_error(folder: Path) -> None:
    command = [tool("dciodvfy", "dicom3tools"), str(folder / "0090.dcm")]
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    assert output.stderr.splitlines()[-1] == "MRImage"
    assert [line for line in output.stderr.splitlines() if line.startswith("Error")] == []
    assert validator_complaints(folder / "0090.dcm") == []


@pytest.mark.slow
def test_simpleitk_reads_the_heads_own_place_in_space(folder: Path, head: demo.Template) -> None:
    image = by_simpleitk(folder)
    slices, rows, columns = head.slices.shape
    assert image.GetSize() == (columns, rows, slices)
    np.testing.assert_allclose(image.GetSpacing(), (1, 1, 1))
    for k, j, i in ((20, 130, 40), (90, 108, 60), (150, 50, 120), (91, 200, 90)):
        x, y, z, _ = head.lps_from_kji @ (k, j, i, 1)
        at = image.TransformPhysicalPointToIndex((x, y, z))
        assert image[at] == head.slices[k, j, i], (k, j, i)


@pytest.mark.slow
def test_the_drawn_head_is_of_an_adults_size_and_its_sides_are_alike(drawn: Head) -> None:
    # Adults have some 1,200 to 1,700 cm3 within the skull.
    assert 1_300 < drawn.intracranial.sum() / 1000 < 1_500
    assert 0.7 < drawn.brain.sum() / drawn.intracranial.sum() < 0.9
    assert (drawn.intracranial & ~drawn.brain).any()
    assert not (drawn.brain & ~drawn.intracranial).any()
    left, right = np.split(drawn.brain, 2, axis=2)
    assert abs(int(left.sum()) - int(right.sum())) < 0.03 * drawn.brain.sum()
    # The neck is cut, the top of the head is not.
    assert (drawn.voxels[0] > 200).any()
    assert not (drawn.voxels[-1] > 200).any()


@pytest.mark.slow
def test_the_same_head_is_drawn_each_time(drawn: Head) -> None:
    assert (drawn.voxels == demo.drawn_template().slices).all()


def test_an_oblique_head_with_unequal_voxels_lies_right(tmp_path: Path) -> None:
    turn: NDArray[np.float64] = sitk.VersorTransform((0.2, 0.5, 0.1), 0.3).GetMatrix()
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(turn, (3, 3)) @ np.diag((1.1, 0.9, 2.0))
    affine[:3, 3] = (-12.0, 34.0, -5.0)
    voxels = np.random.default_rng(3).integers(0, 4000, (11, 9, 7), dtype=np.int16)
    path = tmp_path / "oblique.nii.gz"
    nibabel.save(nibabel.Nifti1Image(voxels, affine), path)
    dicom = tmp_path / "dicom"
    dicom.mkdir()
    for index, data in enumerate(demo.write_instances(demo.read_template(path))):
        (dicom / f"{index:04}.dcm").write_bytes(data)
    image = by_simpleitk(dicom)
    np.testing.assert_allclose(sorted(image.GetSpacing()), (0.9, 1.1, 2.0), rtol=1e-4)
    for i, j, k in np.ndindex(voxels.shape):
        x, y, z, _ = affine @ (i, j, k, 1)
        value = image[image.TransformPhysicalPointToIndex((-x, -y, z))]
        assert abs(value - round((int(voxels[i, j, k]) - _low(voxels)) * _gain(voxels))) <= 1


def _low(voxels: NDArray[np.int16]) -> int:
    return int(voxels.min()) if voxels.min() < 0 or voxels.max() > 4095 else 0


def _gain(voxels: NDArray[np.int16]) -> float:
    return 1.0 if _low(voxels) == 0 and voxels.max() <= 4095 else 4095 / np.ptp(voxels)


@pytest.mark.slow
def test_the_same_template_gives_the_same_study_and_a_salt_another(head: demo.Template) -> None:
    few = replace(head, slices=head.slices[:3])
    assert demo.write_instances(few) == demo.write_instances(few)
    assert demo.study_instance_uid(head) != demo.study_instance_uid(head, "again")


def test_a_file_that_is_no_head_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letter.nii"
    path.write_text("Dear reader")
    with pytest.raises(NotConfigured, match="not a readable NIfTI"):
        demo.read_template(path)


def test_the_film_is_a_whole_dx_image_of_nobody(chest: ChestFilm, tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(demo_film.write_film(chest))
    for options in ([], ["-new"]):
        command = [tool("dciodvfy", "dicom3tools"), *options, str(path)]
        output = subprocess.run(command, capture_output=True, text=True, check=False)
        assert output.stderr.splitlines() == ["DXImageForPresentation"]
    dataset = pydicom.dcmread(path)
    assert dataset.ManufacturerModelName == "Drawn by formulas, no person"
    assert dataset.SOPInstanceUID == demo_film.send_item(chest).sop_instance_uid
    assert dataset.StudyInstanceUID == demo_film.study_instance_uid(chest)
    assert dataset.StudyInstanceUID != demo_film.study_instance_uid(chest, "again")


@pytest.mark.slow
def test_the_validator_finds_no_error_in_the_film(chest: ChestFilm, tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(demo_film.write_film(chest))
    assert validator_complaints(path) == []


def test_the_exposed_field_of_the_film_is_found_where_it_was_drawn(chest: ChestFilm) -> None:
    everywhere = np.ones(SHAPE, bool)
    found = find_exposed_field(chest.pixels.astype(np.float32), everywhere, 1.0)
    for corner in chest.corners:
        assert np.hypot(*(found.corners - corner).T).min() < 2.0
    assert found.area / chest.pixels.size == pytest.approx(chest.field.mean(), abs=0.01)
    header = pydicom.Dataset()
    header.BitsStored = 12
    saturated = saturated_share(chest.pixels[found.mask(SHAPE)], header)
    assert saturated == pytest.approx((chest.pixels[chest.field] == 0).mean(), abs=0.01)
