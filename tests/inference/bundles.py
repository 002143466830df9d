"""MONAI bundles in the real format: small networks, saved as MONAI saves them."""

import json
from pathlib import Path
from typing import Any

import torch

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
    # MONAI takes ten seconds to import, and most that use this module need no more than torch.
    from monai.networks.nets import DenseNet121

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


_INFERER = '''
import torch
from monai.inferers.inferer import Inferer


class DetectorInferer(Inferer):
    """As the detectors of the model zoo: a list of images in, a list of boxes out."""

    def __init__(self, detector):
        Inferer.__init__(self)
        self.detector = detector

    def __call__(self, inputs, network, *args, **kwargs):
        self.detector.network = network
        self.detector.training = False
        return self.detector(inputs, use_inferer=False)
'''


def detection_bundle(folder: Path, **card: Any) -> Path:
    """MONAI's RetinaNet in the form of the model zoo's `lung_nodule_ct_detection`, untrained."""
    from monai.apps.detection.networks.retinanet_network import (
        RetinaNet,
        resnet_fpn_feature_extractor,
    )
    from monai.networks.nets.resnet import resnet10

    torch.manual_seed(4)
    backbone = resnet10(
        spatial_dims=3, n_input_channels=1, conv1_t_stride=[2, 2, 1], conv1_t_size=[7, 7, 7]
    )
    network = RetinaNet(
        spatial_dims=3, num_classes=1, num_anchors=1, size_divisible=[16, 16, 8],
        feature_extractor=resnet_fpn_feature_extractor(backbone, 3, False, [1], None),
    )  # fmt: skip
    inference = {
        "imports": ["$import glob", "$import os"],
        "bundle_root": "./",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "anchor_generator": {
            "_target_": "monai.apps.detection.utils.anchor_utils.AnchorGeneratorWithAnchorShape",
            "feature_map_scales": [1, 2],
            "base_anchor_shapes": [[6, 8, 4]],
        },
        "backbone": "$monai.networks.nets.resnet.resnet10(spatial_dims=3,n_input_channels=1,"
        "conv1_t_stride=[2,2,1],conv1_t_size=[7,7,7])",
        "feature_extractor": "$monai.apps.detection.networks.retinanet_network"
        ".resnet_fpn_feature_extractor(@backbone,3,False,[1],None)",
        "network_def": {
            "_target_": "RetinaNet",
            "spatial_dims": 3,
            "num_classes": 1,
            "num_anchors": 1,
            "feature_extractor": "@feature_extractor",
            "size_divisible": [16, 16, 8],
        },
        "network": "$@network_def.to(@device)",
        "detector": {
            "_target_": "RetinaNetDetector",
            "network": "@network",
            "anchor_generator": "@anchor_generator",
            "debug": False,
        },
        "detector_ops": [
            "$@detector.set_target_keys(box_key='box', label_key='label')",
            "$@detector.set_box_selector_parameters(score_thresh=0.0,"
            "topk_candidates_per_level=50,nms_thresh=0.22,detections_per_img=5)",
        ],
        "preprocessing": {
            "_target_": "Compose",
            "transforms": [
                *_READING,
                {"_target_": "Spacingd", "keys": "image", "pixdim": [1.0, 1.0, 1.25]},
                {"_target_": "ScaleIntensityd", "keys": "image"},
                {"_target_": "EnsureTyped", "keys": "image"},
            ],
        },
        "inferer": {"_target_": "scripts.detection_inferer.DetectorInferer",
                    "detector": "@detector"},
        "postprocessing": {
            "_target_": "Compose",
            "transforms": [
                {"_target_": "ClipBoxToImaged", "box_keys": "box", "label_keys": "label",
                 "box_ref_image_keys": "image", "remove_empty": True},
                {"_target_": "AffineBoxToWorldCoordinated", "box_keys": "box",
                 "box_ref_image_keys": "image", "image_meta_key_postfix": "meta_dict",
                 "affine_lps_to_ras": True},
                {"_target_": "ConvertBoxModed", "box_keys": "box", "src_mode": "xyzxyz",
                 "dst_mode": "cccwhd"},
                {"_target_": "DeleteItemsd", "keys": ["image"]},
            ],
        },
    }  # fmt: skip
    metadata = {
        "version": "0.1.1",
        "task": "CT lung nodule detection",
        "name": "Nodules of phantoms",
        "network_data_format": {
            "inputs": {"image": {"type": "image", "format": "magnitude", "modality": "MR",
                                 "num_channels": 1}},
            "outputs": {"pred": {"type": "object", "format": "dict", "num_channels": 1}},
        },
    }  # fmt: skip
    card = {
        "segments": {"0": {"label": "Nodule", "code": ["27925004", "SCT", "Nodule"],
                           "category": ["49755003", "SCT", "Morphologically Abnormal Structure"]}},
        "score_at_least": 0.0,
        **card,
    }  # fmt: skip
    made = _write(folder, network, inference, metadata, card)
    (made / "scripts").mkdir()
    (made / "scripts" / "__init__.py").write_text("from . import detection_inferer\n")
    (made / "scripts" / "detection_inferer.py").write_text(_INFERER)
    return made


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
