"""Networks that give a heat map beside their scores, in each form that is taken."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, generate_uid

from tests.inference.films import film, image_card, script, write_card

MEANING = "Brightness, ten times as coarse as what the network sees."


def heated(folder: Path, form: str, output: str, **changes: Any) -> Path:
    """Scores as `bright_classifier` has them, and a map of each class on a tenth of the grid:
    the mean of 10 × 10 pixels for class 1, less than nothing for class 0. `changes` are of the
    card's `heat_map`."""
    import torch

    class Both(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            bright = 10.0 * x.mean(dim=(1, 2, 3)) - 1.0
            heat = torch.nn.functional.avg_pool2d(x, 10)
            return torch.stack([torch.zeros_like(bright), bright], dim=1), torch.cat(
                [-heat, heat], 1
            )

    class Named(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.both = Both()

        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            scores, heat = self.both(x)
            return {"logits": scores, "cam": heat}

    heat_map = {"output": output, "meaning": MEANING, **changes}
    image = {"channels": 1, "resize": {"size": [60, 80]}, "orientation": ["L", "F"]}
    write_card(
        folder, image_card("image-classification", heat_map=heat_map, image=image, **changes)
    )
    if form == "dictionary":
        return script(folder, Named())
    if form == "tuple":
        return script(folder, Both())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            torch.jit.script(Both()), (torch.zeros(1, 1, 60, 80),), str(folder / "model.onnx"),
            dynamo=False, input_names=["image"], output_names=["logits", "cam"],
        )  # fmt: skip
    return folder


def oblique_slice(name: str) -> Dataset:
    """A slice of CT that states where it lies, with pixels that are not square."""
    pixels = np.full((240, 320), 700, np.uint16)
    pixels[130:170, 90:150] = 3500
    return film(
        name,
        pixels=pixels,
        SOPClassUID=CTImageStorage,
        Modality="CT",
        FrameOfReferenceUID=generate_uid(),
        PositionReferenceIndicator="",
        ImagePositionPatient=[-12.5, 30.25, 88.0],
        ImageOrientationPatient=[0.8, 0.6, 0.0, -0.36, 0.48, 0.8],
        PixelSpacing=[0.9, 0.6],
        SliceThickness=2.5,
        PresentationIntentType=None,
        ImagerPixelSpacing=None,
        ViewPosition=None,
        PresentationLUTShape=None,
        PixelIntensityRelationship=None,
        PixelIntensityRelationshipSign=None,
        RescaleType="HU",
    )
