"""A folder as nnInteractive releases its models: a tiny network that was not trained."""

import copy
import json
from pathlib import Path
from typing import Any

import torch

from inference.models.cards.card_file import CARD_FILE

TRAINER = "nnInteractiveTrainer_stub"
_ARCHITECTURES = "dynamic_network_architectures.architectures"
_CONFIGURATION = "3d_fullres_ps16"


def plans(reader: str) -> dict[str, Any]:
    """As nnInteractive's own are written: the residual encoder, and no resampling."""
    depth = 2
    architecture = {
        "network_class_name": f"{_ARCHITECTURES}.unet.ResidualEncoderUNet",
        "arch_kwargs": {
            "n_stages": depth, "features_per_stage": [4, 8],
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": [[3, 3, 3]] * depth, "strides": [[1, 1, 1], [2, 2, 2]],
            "n_blocks_per_stage": [1, 1], "n_conv_per_stage_decoder": [1],
            "conv_bias": True,
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
            "norm_op_kwargs": {"eps": 1e-05, "affine": True},
            "dropout_op": None, "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU", "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }  # fmt: skip
    nothing = "no_resampling_data_or_seg_to_shape"
    configuration = {
        "data_identifier": "nnUNetPlans_noResampling_3d_fullres",
        "preprocessor_name": "DefaultPreprocessor", "batch_size": 2, "patch_size": [16, 16, 16],
        "spacing": [1.0, 1.0, 1.0], "normalization_schemes": ["ZScoreNormalization"],
        "use_mask_for_norm": [False], "architecture": architecture, "batch_dice": False,
        "resampling_fn_data": nothing, "resampling_fn_seg": nothing,
        "resampling_fn_probabilities": nothing, "resampling_fn_data_kwargs": {},
        "resampling_fn_seg_kwargs": {}, "resampling_fn_probabilities_kwargs": {},
    }  # fmt: skip
    return {
        "dataset_name": "Dataset225_Tiny", "plans_name": "nnUNetResEncUNetLPlans_noResampling",
        "original_median_spacing_after_transp": [1.0, 1.0, 1.0],
        "original_median_shape_after_transp": [40, 40, 40],
        "image_reader_writer": reader,
        "transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2],
        "configurations": {_CONFIGURATION: configuration},
        "experiment_planner_used": "ResEncUNetPlanner", "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {},
    }  # fmt: skip


def nninteractive_folder(
    folder: Path,
    *,
    info: dict[str, Any] | str | None = None,
    reader: str = "SimpleITKIO",
    interactions: int = 7,
    seed: int = 0,
    **card: Any,
) -> Path:
    """`info`: of a release since the second; a bare name, or None, as the first release has it."""
    from nnInteractive.trainer.nnInteractiveTrainer import nnInteractiveTrainer_stub
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    (folder / "fold_0").mkdir(parents=True)
    stated = plans(reader)
    manager = PlansManager(copy.deepcopy(stated))
    torch.manual_seed(seed)
    network = nnInteractiveTrainer_stub.build_network_architecture(
        manager, manager.get_configuration(_CONFIGURATION), 1 + interactions, 2, False
    )
    _watch_what_is_shown(network)
    checkpoint = {
        "network_weights": network.state_dict(),
        "trainer_name": TRAINER,
        "init_args": {"plans": stated, "configuration": _CONFIGURATION, "fold": 0},
        "inference_allowed_mirroring_axes": None,
    }
    torch.save(checkpoint, folder / "fold_0" / "checkpoint_final.pth")
    dataset = {
        "channel_names": {"0": "image"},
        "file_ending": ".nii.gz",
        # Of many collections: every structure that a person could mean.
        "labels": {"background": 0, **{f"structure {one}": one for one in range(1, 1500)}},
    }
    described = {
        "title": "Tiny clicks",
        "accepts": {"all": [{"Modality": "MR"}, {"slices": {"at_least": 4}}]},
        "model": {"name": "Tiny clicks", "version": "1.0", "modality": "MR"},
        **card,
    }
    (folder / "plans.json").write_text(json.dumps(stated))
    (folder / "dataset.json").write_text(json.dumps(dataset))
    (folder / CARD_FILE).write_text(json.dumps(described))
    (folder / "LICENSE").write_text("CC BY-NC-SA 4.0\nhttps://example.org\n")
    if isinstance(info, dict):
        (folder / "inference_info.json").write_text(json.dumps(info))
    else:
        old = info or {"point_radius": 2, "preferred_scribble_thickness": 2}
        (folder / "inference_session_class.json").write_text(json.dumps(old))
    return folder


def _watch_what_is_shown(network: torch.nn.Module) -> None:
    """As initialised the network would hardly look at the clicks, and give one class everywhere."""
    with torch.no_grad():
        first = next(network.parameters())
        first[:, 2:] *= 6.0
        last = network.decoder.seg_layers[-1]  # type: ignore[union-attr, index]
        last.weight.copy_(torch.nn.functional.normalize(torch.randn_like(last.weight), dim=1) * 9)
        last.bias.copy_(torch.tensor([4.0, 0.0]))
