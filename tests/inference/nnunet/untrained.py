"""Folders as nnU-Net's training leaves them, with tiny networks that were not trained."""

import copy
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

TRAINER = "nnUNetTrainerNoMirroring"
RESAMPLING = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None}


def plans(
    dataset_name: str, spacing_mm: float, patch: int, reader: str, channels: int
) -> dict[str, Any]:
    """As nnunetv2 2.0 wrote them, which TotalSegmentator's weights have; two stages."""
    scheme = "CTNormalization" if channels == 1 else "ZScoreNormalization"
    configuration = {
        "data_identifier": "nnUNetPlans_3d_fullres", "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2, "patch_size": [patch] * 3, "spacing": [spacing_mm] * 3,
        "median_image_size_in_voxels": [40.0] * 3, "batch_dice": True,
        "normalization_schemes": [scheme] * channels, "use_mask_for_norm": [False] * channels,
        "UNet_class_name": "PlainConvUNet", "UNet_base_num_features": 4,
        "unet_max_num_features": 8, "n_conv_per_stage_encoder": [1, 1],
        "n_conv_per_stage_decoder": [1], "num_pool_per_axis": [1, 1, 1],
        "pool_op_kernel_sizes": [[1, 1, 1], [2, 2, 2]],
        "conv_kernel_sizes": [[3, 3, 3], [3, 3, 3]],
        "resampling_fn_data": "resample_data_or_seg_to_shape",
        "resampling_fn_seg": "resample_data_or_seg_to_shape",
        "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
        "resampling_fn_data_kwargs": {**RESAMPLING, "order": 3},
        "resampling_fn_seg_kwargs": {**RESAMPLING, "is_seg": True},
        "resampling_fn_probabilities_kwargs": RESAMPLING,
    }  # fmt: skip
    intensities = {
        "max": 3000.0, "mean": 50.0, "median": 50.0, "min": -1000.0, "std": 200.0,
        "percentile_00_5": -900.0, "percentile_99_5": 1200.0,
    }  # fmt: skip
    return {
        "dataset_name": dataset_name, "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [spacing_mm] * 3,
        "original_median_shape_after_transp": [40, 40, 40],
        "image_reader_writer": reader,
        "transpose_forward": [1, 0, 2], "transpose_backward": [1, 0, 2],
        "configurations": {"3d_fullres": configuration},
        "experiment_planner_used": "ExperimentPlanner", "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {
            str(channel): intensities for channel in range(channels)
        },
    }  # fmt: skip


def trained_folder(
    folder: Path,
    labels: Mapping[str, int | list[int]],
    *,
    channels: Sequence[str] = ("CT",),
    regions_class_order: Sequence[int] | None = None,
    reader: str = "NibabelIOWithReorient",
    spacing_mm: float = 1.5,
    patch: int = 16,
    seed: int = 0,
) -> Path:
    """Plans, data set and one fold; its checkpoint is a pickle with what nnU-Net puts there."""
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    (folder / "fold_0").mkdir(parents=True)
    stated = plans(folder.parent.name, spacing_mm, patch, reader, len(channels))
    dataset = {
        "channel_names": {str(number): name for number, name in enumerate(channels)},
        "file_ending": ".nii.gz",
        "numTraining": 1559,
        "labels": {"background": 0, **labels},
    }
    if regions_class_order is not None:
        dataset["regions_class_order"] = list(regions_class_order)
    (folder / "plans.json").write_text(json.dumps(stated))
    (folder / "dataset.json").write_text(json.dumps(dataset))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the old form of the plans
        configuration = PlansManager(copy.deepcopy(stated)).get_configuration("3d_fullres")
    torch.manual_seed(len(labels) + seed)
    network = get_network_from_plans(
        configuration.network_arch_class_name,
        configuration.network_arch_init_kwargs,
        configuration.network_arch_init_kwargs_req_import,
        len(channels),
        len(labels) + (regions_class_order is None),
        deep_supervision=False,
    )
    # Spread over all classes: as initialised, two or three of a hundred would win everywhere.
    with torch.no_grad():
        last = network.decoder.seg_layers[-1]
        last.weight.copy_(torch.nn.functional.normalize(torch.randn_like(last.weight), dim=1) * 9)
        last.bias.zero_()
    checkpoint = {
        "network_weights": network.state_dict(),
        "optimizer_state": {"state": {}, "param_groups": []},
        "grad_scaler_state": None,
        "logging": {"ema_fg_dice": [np.float64(0.5)], "lrs": [0.01]},
        "_best_ema": np.float64(0.5),
        "current_epoch": 1,
        "init_args": {
            "plans": stated, "configuration": "3d_fullres", "fold": 0, "dataset_json": dataset,
            "unpack_dataset": True, "device": torch.device("cpu"),
        },
        "trainer_name": TRAINER,
        "inference_allowed_mirroring_axes": None if channels == ("CT",) else (0, 2),
    }  # fmt: skip
    torch.save(checkpoint, folder / "fold_0" / "checkpoint_final.pth")
    return folder


def by_value(classes: Mapping[int, str]) -> dict[str, int]:
    """A class map of TotalSegmentator as labels of dataset.json."""
    return {name: value for value, name in classes.items()}
