"""Series for models of nnU-Net: anisotropic, oblique, and of two grids in one patient space."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.volume import assemble_volume
from tests import builders
from tests.inference.nnunet.untrained import trained_folder

STUDY, SPACE = "2.25.9011", "2.25.9012"
CENTRE_MM, RADII_MM = np.array([4.0, -6.0, 10.0]), np.array([8.0, 7.0, 11.0])
LESION = {
    "label": "Whole lesion", "code": ["52988006", "SCT", "Lesion"], "color_rgb": [200, 40, 40],
    "category": ["49755003", "SCT", "Morphologically Abnormal Structure"],
}  # fmt: skip
CORE = {**LESION, "label": "Core", "code": ["6574001", "SCT", "Necrosis"]}
MR = {"MRAcquisitionType": "2D", "PositionReferenceIndicator": ""}


def t1_series() -> list[Dataset]:
    return _series(
        1, (14, 36, 31), (3.0, 0.95, 0.8), builders.rotation(14, -9, 6), core=400, lesion=100,
        **MR, ScanningSequence="SE", RepetitionTime="500", EchoTime="10",
    )  # fmt: skip


def flair_series() -> list[Dataset]:
    return _series(
        2, (19, 33, 40), (2.2, 1.1, 0.7), builders.rotation(5, 4, -8), core=500, lesion=500,
        **MR, ScanningSequence=["SE", "IR"], RepetitionTime="9000", EchoTime="120",
        InversionTime="2500",
    )  # fmt: skip


def _series(
    number: int,
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    directions: NDArray[np.float64],
    *,
    core: int,
    lesion: int,
    **attributes: Any,
) -> list[Dataset]:
    """Noise with an ellipsoid at one place of the patient; its core is half as wide."""
    half_mm = directions @ (np.multiply(spacing_mm, shape)[::-1] / 2)
    grid = {
        "spacing_mm": spacing_mm, "directions": directions, "origin_mm": CENTRE_MM - half_mm,
        "seed": number, "StudyInstanceUID": STUDY, "FrameOfReferenceUID": SPACE,
        "SeriesNumber": number, **attributes,
    }  # fmt: skip
    affine = assemble_volume(builders.series(np.zeros(shape, np.int16), **grid)).lps_from_kji
    kji = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    lps_mm = kji @ affine[:3, :3].T + affine[:3, 3]
    distance = (((lps_mm - CENTRE_MM) / RADII_MM) ** 2).sum(axis=-1)
    noise = np.random.default_rng(number).normal(120, 15, shape)
    voxels = noise + np.where(distance < 0.25, core, np.where(distance < 1, lesion, 0))
    return builders.series(voxels.astype(np.int16), **grid)


def card(**model: Any) -> dict[str, Any]:
    agree = {"slices": {"at_least": 10}}
    return {
        "title": "Lesion with core",
        "licence": "Apache-2.0",
        "inputs": {
            name: {"title": name.upper(), "accepts": {"all": [agree, {"mr_contrast": contrast}]}}
            # Not in the network's order: dataset.json says that.
            for name, contrast in (("flair", "FLAIR"), ("t1", "T1"))
        },
        "reference": "t1",
        "segments": {"1": LESION, "2": CORE},
        "model": {
            "name": "Tiny lesions", "version": "1.0", "modality": "MR", "orientation": "as-sent",
            **model,
        },
    }  # fmt: skip


def untrained_lesions(target: Path, **model: Any) -> Path:
    """Two channels and two regions, by a network that knows nothing."""
    trained_folder(
        target,
        {"whole lesion": [1, 2], "core": [2]},
        channels=("T1", "FLAIR"),
        regions_class_order=(1, 2),
        reader="SimpleITKIO",
    )
    (target / "mediview.json").write_text(json.dumps(card(**model)))
    return target


def model_folder(trained: Path, configuration: str, target: Path, **model: Any) -> Path:
    """A copy of what nnUNetv2_train wrote, with a card beside it."""
    source = trained / "Dataset901_Tiny" / f"nnUNetTrainer__nnUNetPlans__{configuration}"
    shutil.copytree(source, target)
    (target / "mediview.json").write_text(json.dumps(card(**model)))
    return target
