"""Contours of an oblique, anisotropic series, read back by two programs: plastimatch, which runs
here, and dcmrtstruct2nii, whose answer lies in tests/golden (made by `rtstruct_golden`)."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray

from inference.imaging.volume import Volume
from tests import builders
from tests.inference.results.oblique_structures import MASKS, SPACING_MM, written_structures
from tests.inference.results.rtstruct_golden import GOLDEN, digest_of, unpacked
from tests.inference.results_support import save
from tests.services import tool

VOLUME_TOLERANCE = 1e-6
"""Of the volume; and of the centroid in mm, since a point is written to 0.0001 mm."""
CENTROID_TOLERANCE_MM = 0.001


def check(
    label: str,
    mask: NDArray[np.bool_],
    volume_mm3: float,
    centroid_mm: tuple[float, ...],
    volume: Volume,
) -> None:
    ours = MASKS[label]
    np.testing.assert_array_equal(mask, ours)
    expected = ours.sum() * np.prod(SPACING_MM)
    assert volume_mm3 == pytest.approx(expected, rel=VOLUME_TOLERANCE)
    centre = volume.lps_from_kji @ np.append(np.argwhere(ours).mean(axis=0), 1.0)
    assert centroid_mm == pytest.approx(tuple(centre[:3]), abs=CENTROID_TOLERANCE_MM)


def test_plastimatch_reads_the_volumes_and_centroids_that_were_written(tmp_path: Path) -> None:
    plastimatch = tool("plastimatch", "plastimatch")
    sources, structures, volume = written_structures()
    folder = tmp_path / "study"
    folder.mkdir()
    builders.write(sources, folder)
    save(structures, folder / "structures.dcm")
    command = [plastimatch, "convert", "--input", folder, "--output-prefix", tmp_path / "masks"]
    subprocess.run([*command, "--prefix-format", "nrrd"], check=True, capture_output=True)
    for label in MASKS:
        image = SimpleITK.ReadImage(str(tmp_path / "masks" / f"{label}.nrrd"))
        assert image.GetOrigin() == pytest.approx(tuple(volume.lps_from_kji[:3, 3]), abs=1e-3)
        mask = SimpleITK.GetArrayFromImage(image).astype(bool)
        centre = [float(index) for index in np.argwhere(mask).mean(axis=0)[::-1]]
        centroid = image.TransformContinuousIndexToPhysicalPoint(centre)
        check(label, mask, mask.sum() * np.prod(image.GetSpacing()), centroid, volume)


def test_dcmrtstruct2nii_reads_the_volumes_and_centroids_that_were_written() -> None:
    golden = json.loads(GOLDEN.read_text("utf-8"))
    _, structures, volume = written_structures()
    assert digest_of(structures) == golden["contours_sha256"], "It read others: make it again."
    assert set(golden["structures"]) == set(MASKS)
    for label, read in golden["structures"].items():
        check(
            label,
            unpacked(read["voxels"]),
            read["volume_mm3"],
            tuple(read["centroid_lps_mm"]),
            volume,
        )
