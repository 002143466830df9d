"""MONAI bundles in the real format: small networks, saved as MONAI saves them."""

import json
from pathlib import Path
from typing import Any

import torch
from monai.networks.nets import DenseNet121

SPLEEN = ["78961009", "SCT", "Spleen"]
_SMOOTH_THRESHOLD = {"in_channels": 1, "out_channels": 2, "kernel_size": 3, "padding": 1}
_READING = [
    {"_target_": "LoadImaged", "keys": "image"},
    {"_target_": "EnsureChannelFirstd", "keys": "image"},
    {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
]


def segmentation_bundle(
    folder: Path, *, version: str = "0.3.1", threshold: float = 0.5, **card: Any
) -> Path:
    """Segments what is brighter than `threshold` of the brightest, by weights that say so."""
    network = torch.nn.Conv3d(1, 2, 3, padding=1)
    # The mean of 27 voxels against the threshold.
    weight = torch.tensor([-20.0, 20.0]).reshape(2, 1, 1, 1, 1) / 27
    network.load_state_dict(
        {"weight": weight.expand(2, 1, 3, 3, 3), "bias": torch.tensor([20.0, -20.0]) * threshold}
    )
    inference = {
        "bundle_root": ".",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "imports": ["$import glob", "$import os"],
        "dataset_dir": "/workspace/data",
        "datalist": "$list(sorted(glob.glob(@dataset_dir + '/*.nii.gz')))",
        "network_def": {"_target_": "torch.nn.Conv3d", **_SMOOTH_THRESHOLD},
        "network": "$@network_def.to(@device)",
        "preprocessing": {
            "_target_": "Compose",
            "transforms": [
                *_READING,
                {"_target_": "Spacingd", "keys": "image", "pixdim": [1.0, 1.0, 1.0]},
                {"_target_": "ScaleIntensityd", "keys": "image", "minv": 0.0, "maxv": 1.0},
                {"_target_": "EnsureTyped", "keys": "image"},
            ],
        },
        "inferer": {
            "_target_": "SlidingWindowInferer",
            "roi_size": [32, 32, 32],
            "sw_batch_size": 2,
            "overlap": 0.25,
        },
        "postprocessing": {
            "_target_": "Compose",
            "transforms": [
                {"_target_": "Activationsd", "keys": "pred", "softmax": True},
                {
                    "_target_": "Invertd",
                    "keys": "pred",
                    "transform": "@preprocessing",
                    "orig_keys": "image",
                    "nearest_interp": False,
                    "to_tensor": True,
                },
                {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
                {"_target_": "SaveImaged", "keys": "pred", "output_dir": "/workspace/eval"},
            ],
        },
    }
    metadata = {
        "version": version,
        "name": "Spleen of phantoms",
        "description": "Segments what is bright.",
        "copyright": "Nobody's",
        "network_data_format": {
            "inputs": {"image": {"type": "image", "modality": "MR", "num_channels": 1}},
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
    card = {
        "title": "Phantom spleen",
        "licence": "Apache-2.0",
        "accepts": {"all": [{"Modality": "MR"}, {"slices": {"at_least": 10}}]},
        "segments": {"1": {"label": "Spleen", "code": SPLEEN, "color_rgb": [157, 108, 162]}},
        **card,
    }
    return _write(folder, network, inference, metadata, card)


def classification_bundle(folder: Path) -> Path:
    """Gives probabilities of two classes by a network that was not trained."""
    torch.manual_seed(6)
    shape = {"spatial_dims": 3, "in_channels": 1, "out_channels": 2}
    network = DenseNet121(**shape, init_features=8, growth_rate=4, block_config=(1, 1))
    inference = {
        "network_def": {
            "_target_": "DenseNet121",
            **shape,
            "init_features": 8,
            "growth_rate": 4,
            "block_config": [1, 1],
        },
        "preprocessing": {
            "_target_": "Compose",
            "transforms": [
                *_READING,
                {"_target_": "ScaleIntensityd", "keys": "image"},
                {"_target_": "Resized", "keys": "image", "spatial_size": [32, 32, 32]},
                {"_target_": "EnsureTyped", "keys": "image"},
            ],
        },
        "inferer": {"_target_": "SimpleInferer"},
        "postprocessing": {
            "_target_": "Compose",
            "transforms": [{"_target_": "Activationsd", "keys": "pred", "softmax": True}],
        },
    }
    metadata = {
        "version": "1",
        "name": "Motion",
        "network_data_format": {
            "inputs": {"image": {"type": "image", "modality": "MR", "num_channels": 1}},
            "outputs": {
                "pred": {
                    "type": "probability",
                    "format": "classification",
                    "channel_def": {"0": "still", "1": "moved"},
                }
            },
        },
    }
    return _write(folder, network, inference, metadata, None)


def _write(
    folder: Path,
    network: torch.nn.Module,
    inference: dict[str, Any],
    metadata: dict[str, Any],
    card: dict[str, Any] | None,
) -> Path:
    for name in ("configs", "models"):
        (folder / name).mkdir(parents=True)
    torch.save(network.state_dict(), folder / "models" / "model.pt")
    (folder / "configs" / "inference.json").write_text(json.dumps(inference, indent=1))
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata, indent=1))
    if card is not None:
        (folder / "mediview.json").write_text(json.dumps(card, indent=1))
    return folder
