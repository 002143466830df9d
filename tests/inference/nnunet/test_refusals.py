"""What of a folder that looks like nnU-Net is refused, by a sentence, and what is never run."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inference.imaging.volume import assemble_volume
from inference.model_registry.adding import add_model
from inference.models.devices import MemoryExhausted, with_fallback
from inference.nnunet import prediction
from inference.nnunet.description import describe_nnunet
from inference.nnunet.loading import load_model
from inference.nnunet.plans import read_configuration, read_plans
from inference.pipeline import ignore_progress
from inference.refusals import ModelUnusable
from storage.container import Storage
from storage.core.errors import InvalidRequest, LimitExceeded
from tests import builders
from tests.inference.nnunet.refused import CARD, LABELS, refusal
from tests.inference.nnunet.untrained import trained_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    trained = trained_folder(tmp_path / "Dataset7_Liver" / "a__nnUNetPlans__3d_fullres", LABELS)
    (trained / "mediview.json").write_text(json.dumps(CARD))
    return trained


class Opens:
    """What a pickle would do when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_a_checkpoint_that_would_run_a_command_is_refused_by_name(
    storage: Storage, folder: Path, tmp_path: Path
) -> None:
    path = folder / "fold_0" / "checkpoint_final.pth"
    checkpoint = torch.load(path, weights_only=False)
    torch.save({**checkpoint, "logging": Opens(tmp_path / "ran")}, path)
    assert "fold_0/checkpoint_final.pth asks for posix.mkdir, which is code" in refusal(
        storage, folder
    )
    assert not (tmp_path / "ran").exists()
    # It does what it is for where it is read without care.
    torch.load(path, weights_only=False)
    assert (tmp_path / "ran").exists()


def test_nothing_of_a_model_is_a_pickle_once_it_is_added(storage: Storage, folder: Path) -> None:
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    models = storage.settings.resolved_models_dir
    names = {path.name for path in models.glob("[!.]*/**/*") if path.is_file()}
    assert names == {
        "plans.json", "dataset.json", "mediview.json", "nnunet.json", "mediview-digests.json",
        "fold_0.safetensors",
    }  # fmt: skip


def change_plans(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "plans.json"
        plans = json.loads(path.read_text())
        plans["configurations"]["3d_fullres"].update(changes)
        path.write_text(json.dumps(plans))

    return change


def architecture(**changes: Any) -> Callable[[Path], None]:
    stated = {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {
            "n_stages": 2, "features_per_stage": [4, 8], "strides": [[1, 1, 1], [2, 2, 2]],
            "conv_op": "torch.nn.modules.conv.Conv3d", "kernel_sizes": [[3, 3, 3], [3, 3, 3]],
            "n_conv_per_stage": [1, 1], "n_conv_per_stage_decoder": [1], "conv_bias": True,
        },
        "_kw_requires_import": ["conv_op"],
    }  # fmt: skip
    arguments = {**stated["arch_kwargs"], **changes.pop("arch_kwargs", {})}  # type: ignore[dict-item]
    return change_plans(architecture={**stated, "arch_kwargs": arguments, **changes})


def change_checkpoint(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "fold_0" / "checkpoint_final.pth"
        torch.save({**torch.load(path, weights_only=False), **changes}, path)

    return change


def change_card(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        card = {**CARD, **changes}
        (folder / "mediview.json").write_text(json.dumps(card))

    return change


def change_dataset(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "dataset.json"
        dataset = {**json.loads(path.read_text()), **changes}
        dataset["labels"]["background"] = 0
        path.write_text(json.dumps(dataset))

    return change


def of_regions(order: list[int], **regions: Any) -> Callable[[Path], None]:
    return change_dataset(labels={**regions}, regions_class_order=order)


def of_inputs(*names: str) -> Callable[[Path], None]:
    inputs = {name: {"accepts": {"Modality": "CT"}} for name in names}
    return change_card(accepts=None, reference=names[0], inputs=inputs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (change_plans(previous_stage="3d_lowres"), "a cascade: it needs what 3d_lowres finds"),
        (change_plans(patch_size=[4096, 4096, 4096]), "patch_size [4096, 4096, 4096]"),
        (change_plans(UNet_base_num_features=10**9), "features_per_stage has 1000000000"),
        (change_plans(n_conv_per_stage_encoder=[1, 10**8]), "n_conv_per_stage has 100000000"),
        (change_plans(UNet_class_name="MyTransformer"), "UNet_class_name is MyTransformer"),
        (change_plans(preprocessor_name="Mine"), "preprocessor_name is Mine"),
        (change_plans(normalization_schemes=["os.system"]), "normalization_schemes is os.system"),
        (change_plans(resampling_fn_data="eval"), "resampling_fn_data is eval"),
        (
            change_plans(inherits_from="3d_fullres"),
            "inherits_from leads from 3d_fullres to 3d_fullres, in a circle",
        ),
        (change_plans(inherits_from=["2d"]), "it has no configuration ['2d']"),
        (change_plans(patch_size=[float("inf"), 16, 16]), "patch_size is not a list of numbers"),
        (change_plans(preprocessor_name={}), "preprocessor_name is {}"),
        (architecture(network_class_name=["Net"]), "network_class_name is ['Net']"),
        (architecture(_kw_requires_import=[["conv_op"]]), "_kw_requires_import is not a list"),
        (architecture(network_class_name="evil.Net"), "network_class_name is evil.Net"),
        (architecture(arch_kwargs={"conv_op": "os.system"}), "conv_op names os.system"),
        (architecture(arch_kwargs={"conv_op": "torch.hub.load"}), "conv_op names torch.hub.load"),
    ],
)
def test_plans_that_are_refused(
    folder: Path, change: Callable[[Path], None], sentence: str
) -> None:
    change(folder)
    with pytest.raises(InvalidRequest) as refused:
        read_configuration(folder, read_plans(folder), "3d_fullres")
    assert sentence in refused.value.message
    assert refused.value.remedy


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (change_plans(previous_stage="3d_lowres"), "a cascade is not run here"),
        (
            change_checkpoint(trainer_name="nnUNetTrainerUMambaBot"),
            "none of nnunetv2's own trainers",
        ),
        (change_checkpoint(trainer_name="nnUNetTrainerBN"), "network is that of nnUNetTrainerBN"),
        (change_checkpoint(network_weights={}), "it has no network_weights"),
        (
            change_checkpoint(inference_allowed_mirroring_axes=(0, 3)),
            "mirror_axes.1 is 3: Input should be less than or equal to 2",
        ),
        (
            change_dataset(labels={"background": 0, "liver": 2}),
            "labels has the values 2, which do not count from 1 to 1",
        ),
        (
            change_dataset(labels={"background": 0, "liver": 1, "spleen": 1}),
            "labels has the values 1, 1, which do not count from 1 to 2",
        ),
        (
            of_regions([1, 3], whole=[1, 2], core=2),
            "gives the region core the value 3, which is none of its (2)",
        ),
        (
            of_regions([2, 2], whole=[1, 2], core=2),
            "gives the region whole the value 2, which another region has as well",
        ),
        (of_regions([1], whole=[1, 2], core=2), "regions_class_order has 1 values for 2 regions"),
        (of_regions([1, 2], whole=[1, 2], core=[]), "labels.core"),
        (
            change_dataset(labels={f"structure {number}": number for number in range(1, 257)}),
            "it names 256 labels; a result has 255 at most",
        ),
        (change_card(model={**CARD["model"], "folds": [3]}), "checkpoint_final.pth is missing"),
        (change_card(model={**CARD["model"], "orientation": "LPS"}), "reader turns images to RAS"),
        (of_inputs("pet", "ct"), "takes CT; inputs of its card: pet, ct"),
    ],
)
def test_models_that_are_refused(
    storage: Storage, folder: Path, change: Callable[[Path], None], sentence: str
) -> None:
    change(folder)
    assert sentence in refusal(storage, folder)


def test_plans_larger_than_any_are_not_read(storage: Storage, folder: Path) -> None:
    (folder / "plans.json").write_bytes(b"[" * (5 * 1024 * 1024))
    assert "plans.json is larger than 4 MiB" in refusal(storage, folder)


@pytest.mark.slow
def test_weights_of_another_network_are_refused(storage: Storage, folder: Path) -> None:
    change_plans(UNet_base_num_features=6)(folder)
    with pytest.raises(ModelUnusable, match=r"has the shape .*; plans\.json says"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


@pytest.mark.slow
def test_a_volume_that_memory_does_not_hold_is_refused_before(
    storage: Storage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    (added,) = storage.settings.resolved_models_dir.glob("[!.]*")
    volume = assemble_volume(builders.series(np.ones((12, 30, 30), np.int16)))
    monkeypatch.setattr(prediction, "free_memory_bytes", lambda: 100_000)
    with pytest.raises(LimitExceeded, match=r"Liver would need some 0\.0 GB of memory for 12 × 30"):
        prediction.predict(describe_nnunet(added), volume, [volume.voxels], 1, ignore_progress)


@pytest.mark.slow
def test_a_tile_that_does_not_fit_is_refused_with_its_numbers(
    storage: Storage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nnunetv2 has tiles of one size: smaller ones are not tried."""
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    (added,) = storage.settings.resolved_models_dir.glob("[!.]*")
    model = describe_nnunet(added)
    volume = assemble_volume(builders.series(np.ones((12, 30, 30), np.int16)))
    tried = []

    def full(*_: object) -> None:
        tried.append(1)
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 4.00 GiB.")

    network = type(load_model(model, 1).parts[0].predictor.network)
    monkeypatch.setattr(network, "forward", full)
    with pytest.raises(
        MemoryExhausted, match=r"Liver computes tiles of \d+ × \d+ × \d+ voxels in .* GB are free"
    ):
        with_fallback(
            lambda: prediction.predict(model, volume, [volume.voxels], 1, ignore_progress)
        )
    assert len(tried) == 1


@pytest.mark.slow
def test_nothing_is_resampled_where_memory_would_not_suffice(
    storage: Storage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a tenth of a millimetre, 12 slices of 30 × 30 are 32 million voxels."""
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    (added,) = storage.settings.resolved_models_dir.glob("[!.]*")
    model = describe_nnunet(added).model_copy(update={"spacing_mm": 0.1})
    volume = assemble_volume(
        builders.series(np.ones((12, 30, 30), np.int16), spacing_mm=(3.0, 1.0, 1.0))
    )
    monkeypatch.setattr(prediction, "free_memory_bytes", lambda: 500_000_000)
    with pytest.raises(LimitExceeded, match=r"GB of memory for 360 × 300 × 300 voxels; 0\.5 GB"):
        prediction.predict(model, volume, [volume.voxels], 1, ignore_progress)


@pytest.mark.slow
def test_each_fold_is_tried(storage: Storage, folder: Path) -> None:
    """The second fold's last layer is empty: it gives the same for every image."""
    path = folder / "fold_0" / "checkpoint_final.pth"
    checkpoint = torch.load(path, weights_only=False)
    weights = checkpoint["network_weights"]
    (last,) = (key for key in weights if key.endswith("seg_layers.0.weight"))
    weights = {**weights, last: torch.zeros_like(weights[last])}
    (folder / "fold_1").mkdir()
    torch.save({**checkpoint, "network_weights": weights}, folder / "fold_1" / path.name)
    with pytest.raises(ModelUnusable, match=r"answers a blank image like any other.*\(fold 1\)"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


def test_a_folder_without_card_is_told_about_it(storage: Storage, folder: Path) -> None:
    (folder / "mediview.json").unlink()
    with pytest.raises(
        InvalidRequest, match="no model with the classes of TotalSegmentator"
    ) as stated:
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    assert "put a card there: docs/pipelines/nnunet.md" in stated.value.remedy
