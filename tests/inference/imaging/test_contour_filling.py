"""Contours filled on a grid: as another program fills them, with holes, also of oblique series."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from matplotlib.path import Path as Outline
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.contour_filling import filled
from inference.imaging.volume import Volume, assemble_volume
from inference.input_selection.structure_inputs import _contours, _PointRoom
from inference.refusals import VolumeRefused
from tests import builders
from tests.inference.results_support import save
from tests.inference.structure_sets import in_patient, star, structure_set
from tests.services import tool

SHAPE = (9, 40, 34)


def images(directions: NDArray[np.float64] | None = None) -> list[Dataset]:
    return builders.series(
        np.zeros(SHAPE, np.int16), modality="CT", spacing_mm=(3.0, 0.7, 1.1), directions=directions
    )


def volume_of(oblique: bool = False) -> Volume:
    return assemble_volume(images(builders.rotation(25, -15, 110) if oblique else None))


def drawn(*polygons: NDArray[np.float64]) -> NDArray[np.bool_]:
    """By matplotlib, centre by centre."""
    centres = np.stack(np.meshgrid(*map(np.arange, SHAPE[1:]), indexing="ij"), axis=-1)
    found = np.zeros(SHAPE[1:], bool)
    for polygon in polygons:
        inside = Outline(polygon).contains_points(centres.reshape(-1, 2))
        found ^= inside.reshape(SHAPE[1:])
    return found


@pytest.mark.parametrize("oblique", [False, True])
def test_a_star_with_a_hole_is_filled_as_another_program_fills_it(*, oblique: bool) -> None:
    """The points of the star lie between centres, so that no rounding decides."""
    volume = volume_of(oblique)
    outer, inner = star(18.3, 16.2, 14.1), star(18.1, 16.4, 5.2)
    contours = [in_patient(volume, 4, one) for one in (outer, inner)]
    found = filled(contours, volume.lps_from_kji, SHAPE)
    expected = drawn(outer, inner)
    assert expected.sum() > 200
    np.testing.assert_array_equal(found[4], expected)
    assert not np.delete(found, 4, axis=0).any()


@pytest.mark.parametrize("oblique", [False, True])
def test_what_the_node_wrote_itself_comes_back_voxel_by_voxel(*, oblique: bool) -> None:
    """Keyholes and all: its contours run along the edges of the pixels."""
    volume = volume_of(oblique)
    mask = np.random.default_rng(3).random(SHAPE) > 0.6
    mask[:, 5:25, 6:20] = True
    mask[:, 9:15, 9:14] = False
    dataset = structure_set(volume, images(), {"Brain": mask})
    found = filled(_contours(dataset, 1, _PointRoom()), volume.lps_from_kji, SHAPE)
    np.testing.assert_array_equal(found, mask)


def test_plastimatch_fills_the_same_voxels(tmp_path: Path) -> None:
    plastimatch = tool("plastimatch", "plastimatch")
    sources = images()
    volume = assemble_volume(sources)
    contours = {k: [star(18.3, 16.2, 10.0 + k)] for k in range(2, 7)}
    dataset = structure_set(volume, sources, {"Brain": np.ones(SHAPE, bool)}, contours)
    folder = tmp_path / "study"
    folder.mkdir()
    builders.write(sources, folder)
    save(dataset, folder / "structures.dcm")
    prefix = str(tmp_path / "masks")
    command = [plastimatch, "convert", "--input", str(folder), "--output-prefix", prefix]
    subprocess.run([*command, "--prefix-format", "nrrd"], check=True, capture_output=True)
    (path,) = (tmp_path / "masks").glob("Brain.nrrd")
    theirs = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))).astype(bool)
    ours = filled(_contours(dataset, 1, _PointRoom()), volume.lps_from_kji, SHAPE)
    assert ours.sum() > 1000
    np.testing.assert_array_equal(ours, theirs)


def test_what_lies_beside_the_picture_is_cut_off() -> None:
    volume = volume_of()
    found = filled([in_patient(volume, 0, star(2.2, 3.1, 20.0))], volume.lps_from_kji, SHAPE)
    np.testing.assert_array_equal(found[0], drawn(star(2.2, 3.1, 20.0)))


def test_contours_between_or_across_slices_are_refused() -> None:
    volume = volume_of()
    between = in_patient(volume, 4.5, star(18.3, 16.2, 9.0))
    across = in_patient(volume, 4, star(18.3, 16.2, 9.0))
    across[0] += volume.lps_from_kji[:3, 0]
    for contour in (between, across):
        with pytest.raises(VolumeRefused, match="across or between"):
            filled([contour], volume.lps_from_kji, SHAPE)
    with pytest.raises(VolumeRefused, match="lies at slice 10; the series has 9"):
        filled([in_patient(volume, 9, star(18.3, 16.2, 9.0))], volume.lps_from_kji, SHAPE)
