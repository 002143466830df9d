"""A small study and a card for each bundle of MONAI's zoo that the node runs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import VLEndoscopicImageStorage

from tests import builders
from tests.inference.films import film

SHAPE = (14, 44, 40)
_SPACING_MM = (2.9, 1.3, 1.1)


def _segments(names: Mapping[int, str]) -> dict[str, Any]:
    return {
        str(value): {"label": label, "code": [f"{value}", "99ZOO", label]}
        for value, label in names.items()
    }


def _inputs(*names: str) -> dict[str, Any]:
    return {name: {"accepts": {"SeriesDescription": name}} for name in names}


CARDS: dict[str, dict[str, Any]] = {
    "brats_mri_segmentation": {
        "inputs": _inputs("t1c", "t1", "t2", "flair"),
        "reference": "t1c",
        "segments": _segments({1: "Tumor core", 2: "Edema", 4: "Enhancing tumor"}),
    },
    "renalStructures_CECT_segmentation": {
        "inputs": _inputs("artery", "vein", "excret"),
        "reference": "artery",
        "segments": _segments(
            {1: "Artery", 2: "Vein", 3: "Ureter", 4: "Neoplasm", 5: "Parenchyma"}
        ),
    },
    "lung_nodule_ct_detection": {"score_at_least": 0.0},
    "vista3d": {"segments": _segments({1: "Liver", 3: "Spleen"})},
}


def volumes(name: str, modality: str) -> dict[str, list[Dataset]]:
    """Series by the inputs of the card, oblique, with voxels of three different edges; the only one
    under `image`."""
    roles = list(CARDS.get(name, {}).get("inputs", {})) or ["image"]
    return {role: _series(modality, seed, role) for seed, role in enumerate(roles)}


def _series(modality: str, seed: int, description: str) -> list[Dataset]:
    voxels = np.random.default_rng(seed).integers(0, 300, SHAPE)
    voxels[3:10, 10:30, 8:25] += 600
    made = builders.series(
        voxels.astype(np.int16),
        modality=modality,
        spacing_mm=_SPACING_MM,
        directions=builders.rotation(12, -9, 20),
        intercept=-200.0 if modality == "CT" else 0.0,
        seed=seed,
        SeriesDescription=description,
        SeriesNumber=seed + 1,
    )
    first = builders.series(np.zeros((1, 2, 2), np.int16))[0]
    for dataset in made:
        # One study, and one patient who did not move.
        dataset.StudyInstanceUID = first.StudyInstanceUID
        dataset.FrameOfReferenceUID = first.FrameOfReferenceUID
    return made


def images(name: str) -> list[Dataset]:
    """Images for the bundles that take them one by one."""
    rng = np.random.default_rng(1)
    if name == "valve_landmarks":
        return builders.series(rng.integers(0, 900, (3, 192, 224)).astype(np.int16))
    if name == "breast_density_classification":
        return [film(name, Modality="MG")]
    return [photograph(name, rng.integers(0, 255, (120, 160, 3)).astype(np.uint8))]


def photograph(name: str, pixels: NDArray[np.uint8]) -> Dataset:
    """A colour image of an endoscope (PS3.3 A.32.1)."""
    dataset = film(name, pixels=pixels[..., 0], Modality="ES")
    for keyword in (
        "WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "RescaleType",
        "PresentationLUTShape", "PixelIntensityRelationship", "PixelIntensityRelationshipSign",
        "PresentationIntentType", "ViewPosition", "ImagerPixelSpacing",
    ):  # fmt: skip
        del dataset[keyword]
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = VLEndoscopicImageStorage
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
    dataset.PlanarConfiguration = 0
    dataset.PixelData = pixels.tobytes()
    return dataset
