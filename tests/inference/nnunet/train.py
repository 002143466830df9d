"""Trains a tiny model with nnunetv2 itself: two channels, two regions, in 2D and in 3D.

    python tests/inference/nnunet/train.py FOLDER

A process of its own: nnU-Net reads its folders from the environment, and torch's compiler, its
loggers and threads stay there.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk

NAME = "Dataset901_Tiny"
CASES = 5
SPACING_MM = (2.6, 0.8, 0.9)
CHANNELS = {"0": "T1", "1": "FLAIR"}
LABELS = {"background": 0, "whole lesion": [1, 2], "core": [2]}
FEATURES = (4, 8, 8, 8, 8, 8, 8)
RUNS: tuple[tuple[str, int | str], ...] = (
    ("2d", 0),
    ("3d_fullres", 0),
    ("3d_fullres", 1),
    ("3d_fullres", "all"),
)


def dataset(raw: Path) -> None:
    """Ellipsoids that are bright on FLAIR, with a core that is bright on T1."""
    for folder in ("imagesTr", "labelsTr"):
        (raw / folder).mkdir(parents=True)
    generator = np.random.default_rng(20)
    for case in range(CASES):
        shape = (12, 34 + case, 30)
        k, j, i = np.meshgrid(*map(np.arange, shape), indexing="ij")
        distance = ((k - 6) / 4) ** 2 + ((j - 15) / 9) ** 2 + ((i - 12 - case) / 8) ** 2
        labels = np.where(distance < 0.25, 2, np.where(distance < 1, 1, 0)).astype(np.uint8)
        noise = generator.normal(0, 20, (2, *shape))
        channels = (np.where(labels == 2, 400, 100), np.where(labels > 0, 500, 150))
        for number, values in enumerate(channels):
            save(values + noise[number], raw / "imagesTr" / f"case{case}_{number:04d}.nii.gz")
        save(labels, raw / "labelsTr" / f"case{case}.nii.gz")
    description = {
        "channel_names": CHANNELS,
        "labels": LABELS,
        "regions_class_order": [1, 2],
        "numTraining": CASES,
        "file_ending": ".nii.gz",
    }
    (raw / "dataset.json").write_text(json.dumps(description))


def save(values: np.ndarray, path: Path) -> None:
    image = sitk.GetImageFromArray(values if values.dtype == np.uint8 else np.float32(values))
    image.SetSpacing(SPACING_MM[::-1])
    sitk.WriteImage(image, str(path))


def files_of(raw: Path, case: int) -> tuple[list[str], str]:
    images = [str(raw / "imagesTr" / f"case{case}_{number:04d}.nii.gz") for number in (0, 1)]
    return images, str(raw / "labelsTr" / f"case{case}.nii.gz")


def fingerprint() -> dict[str, object]:
    """What nnU-Net's planner asks of a data set; its own extraction starts processes."""
    intensities = {"max": 520.0, "mean": 300.0, "median": 300.0, "min": 50.0, "std": 90.0}
    one = {**intensities, "percentile_00_5": 60.0, "percentile_99_5": 510.0}
    return {
        "spacings": [list(SPACING_MM)] * CASES,
        "shapes_after_crop": [[12, 34 + case, 30] for case in range(CASES)],
        "foreground_intensity_properties_per_channel": {"0": one, "1": one},
        "median_relative_size_after_cropping": 1.0,
    }


def make_small(plans_file: Path) -> None:
    """Networks of a few thousand weights, and one image at a time."""
    plans = json.loads(plans_file.read_text())
    for one in plans["configurations"].values():
        if "architecture" in one:
            arguments = one["architecture"]["arch_kwargs"]
            arguments["features_per_stage"] = list(FEATURES[: arguments["n_stages"]])
            one["batch_size"] = 2
    plans_file.write_text(json.dumps(plans))


def main(folder: Path) -> None:
    os.environ.update(
        nnUNet_raw=str(folder / "raw"),
        nnUNet_preprocessed=str(folder / "preprocessed"),
        nnUNet_results=str(folder / "results"),
        nnUNet_compile="false",
        nnUNet_n_proc_DA="1",
        nnUNet_def_n_proc="1",
    )
    dataset(folder / "raw" / NAME)
    import torch
    from nnunetv2.experiment_planning.plan_and_preprocess_api import plan_experiments
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    torch.manual_seed(3)
    preprocessed = folder / "preprocessed" / NAME
    preprocessed.mkdir(parents=True)
    (preprocessed / "dataset_fingerprint.json").write_text(json.dumps(fingerprint()))
    plan_experiments([901])
    make_small(preprocessed / "nnUNetPlans.json")
    plans = json.loads((preprocessed / "nnUNetPlans.json").read_text())
    description = json.loads((folder / "raw" / NAME / "dataset.json").read_text())
    manager = PlansManager(plans)
    os.environ.update(nnUNet_n_proc_DA="0")  # no processes beside this one
    for configuration, fold in RUNS:
        stored = preprocessed / manager.get_configuration(configuration).data_identifier
        if not stored.exists():
            stored.mkdir()
            for case in range(CASES):
                images, labels = files_of(folder / "raw" / NAME, case)
                DefaultPreprocessor(verbose=False).run_case_save(
                    str(stored / f"case{case}"), images, labels, manager,
                    manager.get_configuration(configuration), description,
                )  # fmt: skip
        plans["continue_training"] = False
        trainer = nnUNetTrainer(plans, configuration, fold, description, torch.device("cpu"))
        trainer.num_epochs, trainer.num_iterations_per_epoch = 1, 2
        trainer.num_val_iterations_per_epoch = 1
        trainer.run_training()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
