"""A bundle in the manner of DeepEdit, as MONAI saves one: it grows a region around the clicks."""

import json
import warnings
from pathlib import Path
from typing import Any

import torch

from inference.models.cards.card_file import CARD_FILE

SPLEEN = ["78961009", "SCT", "Spleen"]
_LABELS = {"spleen": 1, "background": 0}


class Grow(torch.nn.Module):
    """Image, clicks inside and clicks outside as channels: what is as bright as at the clicks, and
    connected with them within `steps` voxels, but for what lies around a click outside."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        image, inside, outside = x[:, 0:1], x[:, 1:2], x[:, 2:3]
        seeds = (inside > 0.9).float()
        level = (image * seeds).sum() / seeds.sum().clamp(min=1.0)
        allowed = ((image - level).abs() < 0.2).float() * (outside < 0.5).float()
        grown = seeds * allowed
        for _ in range(self.steps):
            grown = torch.nn.functional.max_pool3d(grown, 3, stride=1, padding=1) * allowed
        score = 20.0 * grown - 10.0
        return torch.cat([-score, score], dim=1)


def click_bundle(
    folder: Path, *, steps: int = 24, size: tuple[int, int, int] | None = None, **card: Any
) -> Path:
    """`size`: to which the image is scaled for the network, as DeepEdit does; None: not at all."""
    guidance = {"guidance": "guidance", "ref_image": "image"}
    resized: list[dict[str, Any]] = []
    if size is not None:
        resized = [
            {"_target_": "Resized", "keys": "image", "spatial_size": list(size), "mode": "area"},
            {"_target_": "ResizeGuidanceMultipleLabelDeepEditd", **guidance},
        ]
    transforms = [
        {"_target_": "LoadImaged", "keys": "image"},
        {"_target_": "EnsureChannelFirstd", "keys": "image"},
        {"_target_": "ScaleIntensityd", "keys": "image", "minv": 0.0, "maxv": 1.0},
        {"_target_": "AddGuidanceFromPointsDeepEditd", **guidance, "label_names": _LABELS},
        *resized,
        {
            "_target_": "AddGuidanceSignalDeepEditd",
            "keys": "image",
            "guidance": "guidance",
            "number_intensity_ch": 1,
        },
        {"_target_": "EnsureTyped", "keys": "image"},
    ]
    inverted = {
        "_target_": "Invertd",
        "keys": "pred",
        "transform": "@preprocessing",
        "orig_keys": "image",
        "nearest_interp": False,
        "to_tensor": True,
    }
    inference = {
        "bundle_root": ".",
        "device": "cpu",
        "network_def": "$None",
        "preprocessing": {"_target_": "Compose", "transforms": transforms},
        "inferer": {"_target_": "SimpleInferer"},
        "postprocessing": {
            "_target_": "Compose",
            "transforms": [
                {"_target_": "Activationsd", "keys": "pred", "softmax": True},
                *([inverted] if size is not None else []),
                {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
                {"_target_": "SaveImaged", "keys": "pred", "output_dir": "/workspace/eval"},
            ],
        },
    }
    shown = {"type": "image", "modality": "MR", "num_channels": 3, "spatial_shape": [32, 32, 32]}
    metadata = {
        "version": "0.2.0",
        "name": "Clicked phantom",
        "description": "Segments what is clicked.",
        "copyright": "Nobody's",
        "network_data_format": {
            "inputs": {"image": {**shown, "is_patch_data": False}},
            "outputs": {
                "pred": {
                    "type": "image",
                    "format": "segmentation",
                    "num_channels": 2,
                    "channel_def": {"0": "background", "1": "spleen"},
                }
            },
        },
    }
    stated = {
        "title": "Clicked phantom",
        "licence": "Apache-2.0",
        "accepts": {"all": [{"Modality": "MR"}, {"slices": {"at_least": 4}}]},
        "segments": {"1": {"label": "Spleen", "code": SPLEEN, "color_rgb": [157, 108, 162]}},
        **card,
    }
    for name in ("configs", "models"):
        (folder / name).mkdir(parents=True)
    (folder / "configs/inference.json").write_text(json.dumps(inference))
    (folder / "configs/metadata.json").write_text(json.dumps(metadata))
    (folder / CARD_FILE).write_text(json.dumps(stated))
    with warnings.catch_warnings():
        # torch would rather have its newer format; bundles are in this one.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(Grow(steps)).save(  # type: ignore[no-untyped-call]
            str(folder / "models/model.ts")
        )
    return folder
