"""A model that nnunetv2 trained for these tests, and what its own command line makes of a study."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.registration.resampling import onto_grid
from inference.imaging.volume import Volume, assemble_volume
from storage.container import Storage
from tests.inference.nnunet.phantoms import flair_series, t1_series
from tests.inference.nnunet.train import NAME
from tests.inference.orchestration import storage_in

HERE = Path(__file__).parent
RUNS = {
    "2d": "-c 2d -f 0",
    "3d one fold": "-c 3d_fullres -f 0",
    "3d two folds": "-c 3d_fullres -f 0 1",
    "3d all, best, unmirrored": "-c 3d_fullres -f all -chk checkpoint_best.pth --disable_tta",
}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`nnUNet_results`: two channels, two regions; 2d with one fold, 3d_fullres with three.

    A minute of one core: make nnunet.
    """
    if not os.environ.get("MEDIVIEW_LONG_TESTS"):
        pytest.skip("MEDIVIEW_LONG_TESTS=1 trains a model and runs nnU-Net's command line")
    folder = tmp_path_factory.mktemp("nnunet")
    run("train.py", str(folder))
    return folder / "results"


@dataclass(frozen=True)
class Study:
    """T1 and FLAIR of one study on different, oblique grids; results lie on the T1's."""

    t1: list[Dataset]
    flair: list[Dataset]

    @property
    def volumes(self) -> dict[str, Volume]:
        return {"t1": assemble_volume(self.t1), "flair": assemble_volume(self.flair)}


@pytest.fixture(scope="session")
def study() -> Study:
    return Study(t1_series(), flair_series())


@pytest.fixture(scope="session")
def by_command_line(
    trained: Path, study: Study, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, NDArray[np.uint8]]:
    """What nnUNetv2_predict writes for the same voxels in NIfTI, by run."""
    folder = tmp_path_factory.mktemp("command-line")
    (folder / "in").mkdir()
    t1, flair = study.volumes["t1"], study.volumes["flair"]
    for number, voxels in enumerate((t1.voxels, onto_grid(flair, t1))):
        image = sitk.GetImageFromArray(voxels)
        image.SetSpacing(t1.spacing_mm[::-1])
        image.SetDirection((t1.lps_from_kji[:3, [2, 1, 0]] / t1.spacing_mm[::-1]).ravel())
        image.SetOrigin(t1.lps_from_kji[:3, 3])
        sitk.WriteImage(image, str(folder / "in" / f"head_{number:04d}.nii.gz"))
    fixed = f"-i {folder / 'in'} -d {NAME} -device cpu --disable_progress_bar"
    outputs = {name: folder / f"out{number}" for number, name in enumerate(RUNS)}
    run(
        "command_line.py",
        *(f"{fixed} -o {outputs[name]} {command}" for name, command in RUNS.items()),
        nnUNet_results=str(trained),
    )
    return {
        name: sitk.GetArrayFromImage(sitk.ReadImage(str(path / "head.nii.gz")))
        for name, path in outputs.items()
    }


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def run(script: str, *arguments: str, **environment: str) -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / script), *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
