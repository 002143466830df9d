"""`plans.json` of nnU-Net v2: read within bounds, before anything is built.

nnU-Net imports what its plans name. Here each name must be one of nnunetv2's own or of
dynamic_network_architectures, and each number small enough to build a network from.
"""

import math
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from inference.models.cards.card_file import parsed
from storage.core.errors import InvalidRequest

PLANS_FILE = "plans.json"

_ARCHITECTURES = {
    f"dynamic_network_architectures.architectures.{module}.{name}": name
    for name, modules in {
        "PlainConvUNet": ("unet",),
        "ResidualEncoderUNet": ("unet", "residual_unet"),
        "ResidualUNet": ("unet", "residual_unet"),
    }.items()
    for module in modules
}
# As plans before nnunetv2 2.3 name them.
_OLD_ARCHITECTURES = ("PlainConvUNet", "ResidualEncoderUNet")
_LAYERS = {
    *(
        f"{name}{dimension}d"
        for name in ("Conv", "InstanceNorm", "BatchNorm")
        for dimension in (2, 3)
    ),
    *("Dropout", "Dropout2d", "Dropout3d", "LeakyReLU", "ReLU", "PReLU", "ELU", "GELU", "SiLU"),
}
_PREPROCESSORS = ("DefaultPreprocessor",)
_LABEL_MANAGERS = ("LabelManager",)
_RESAMPLING = ("resample_data_or_seg_to_shape", "resample_torch_fornnunet")
_NORMALIZATIONS = (
    "CTNormalization",
    "NoNormalization",
    "RescaleTo01Normalization",
    "ZScoreNormalization",
)
READERS = ("SimpleITKIO", "NibabelIO", "SimpleITKIOWithReorient", "NibabelIOWithReorient")
"""Those of volumes; the last two turn what they read to RAS."""

_STAGES_AT_MOST, _LAYERS_AT_MOST, _NUMBER_AT_MOST = 16, 64, 8192
_PATCH_VOXELS_AT_MOST = 512**3


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class PlansFile(_Read):
    dataset_name: str = Field(max_length=200)
    image_reader_writer: str
    label_manager: str = "LabelManager"
    transpose_forward: tuple[int, int, int]
    transpose_backward: tuple[int, int, int]
    configurations: dict[str, dict[str, Any]]


def read_plans(folder: Path) -> PlansFile:
    """Raises InvalidRequest naming what is wrong."""
    path = folder / PLANS_FILE
    plans = parsed(PlansFile, path)
    _check_name(path, "image_reader_writer", plans.image_reader_writer, READERS)
    _check_name(path, "label_manager", plans.label_manager, _LABEL_MANAGERS)
    for name in ("transpose_forward", "transpose_backward"):
        if sorted(getattr(plans, name)) != [0, 1, 2]:
            raise _refused(path, f"{name} is not an order of three axes")
    return plans


class Configuration(_Read):
    """One way of a trained model to see its images: `2d`, `3d_lowres`, `3d_fullres`."""

    name: str
    patch_size: tuple[int, ...]
    spacing: tuple[float, ...]
    """In mm, in the order of the network's axes; of 2D those within a slice."""
    strides: tuple[tuple[int, ...], ...]
    features: int
    """Of the first stage, which has the largest maps."""

    @property
    def probe_shape(self) -> tuple[int, ...]:
        """The smallest image of which the deepest stage has more than one voxel."""
        return tuple(
            2 * math.prod(stride[axis] for stride in self.strides)
            for axis in range(len(self.patch_size))
        )


def read_configuration(
    folder: Path, plans: PlansFile, name: str, *, is_preprocessed: bool = True
) -> Configuration:
    """A configuration of the plans, when all that it names may be built. Raises InvalidRequest.

    Where images are not preprocessed by the plans, what these name for it is not looked at.
    """
    path = folder / PLANS_FILE
    stated = _resolved(path, plans, name)
    if stated.get("previous_stage"):
        raise InvalidRequest(
            f"{name} of {plans.dataset_name} is the second stage of a cascade: it needs what"
            f" {stated['previous_stage']} finds.",
            remedy="Add 3d_fullres or 3d_lowres of this model; a cascade is not run here.",
        )
    if is_preprocessed:
        _check_names(path, stated)
    if "architecture" in stated:
        stage_strides, features = _checked_architecture(path, stated["architecture"])
    else:
        stage_strides, features = _checked_old_architecture(path, stated)
    patch_size = _numbers(path, "patch_size", stated.get("patch_size"), int)
    spacing = _numbers(path, "spacing", stated.get("spacing"), float)
    if len(patch_size) not in (2, 3) or math.prod(patch_size) > _PATCH_VOXELS_AT_MOST:
        raise _refused(path, f"patch_size {list(patch_size)} is none of two or three axes")
    if len(spacing) != len(patch_size) or not all(0.01 <= one <= 100 for one in spacing):
        raise _refused(path, f"spacing {list(spacing)} is not in millimetres")
    strides = tuple(
        (stride,) * len(patch_size) if isinstance(stride, int) else tuple(_flat(stride))
        for stride in stage_strides
    )
    if any(len(stride) != len(patch_size) for stride in strides):
        raise _refused(path, f"strides are not those of {len(patch_size)} axes")
    return Configuration(
        name=name, patch_size=patch_size, spacing=spacing, strides=strides, features=features
    )


def _resolved(path: Path, plans: PlansFile, name: str) -> dict[str, Any]:
    """With what a configuration inherits."""
    chain: list[dict[str, Any]] = []
    wanted: Any = name
    passed: list[str] = []
    while wanted is not None:
        if wanted in passed:
            raise _refused(
                path,
                f"inherits_from leads from {' to '.join([*passed, wanted])}, in a circle",
                "Take plans.json from the folder that nnUNetv2_train wrote.",
            )
        if not isinstance(wanted, str) or wanted not in plans.configurations:
            known = ", ".join(plans.configurations)
            raise _refused(path, f"it has no configuration {wanted} (it has {known})")
        passed.append(wanted)
        chain.append(plans.configurations[wanted])
        wanted = chain[-1].get("inherits_from")
    merged: dict[str, Any] = {}
    for one in reversed(chain):
        merged |= one
    return merged


def _check_names(path: Path, stated: dict[str, Any]) -> None:
    _check_name(path, "preprocessor_name", stated.get("preprocessor_name"), _PREPROCESSORS)
    for name in ("resampling_fn_data", "resampling_fn_seg", "resampling_fn_probabilities"):
        _check_name(path, name, stated.get(name), _RESAMPLING)
    schemes = stated.get("normalization_schemes")
    for scheme in schemes if isinstance(schemes, list) else [schemes]:
        _check_name(path, "normalization_schemes", scheme, _NORMALIZATIONS)


def _checked_architecture(path: Path, stated: Any) -> tuple[Any, int]:
    """Strides and features of an architecture that may be built."""
    arguments = stated.get("arch_kwargs") if isinstance(stated, dict) else None
    if not isinstance(arguments, dict):
        raise _refused(path, "architecture has no arch_kwargs")
    _check_name(path, "network_class_name", stated.get("network_class_name"), _ARCHITECTURES)
    imported = stated.get("_kw_requires_import") or []
    if not isinstance(imported, list) or not all(isinstance(name, str) for name in imported):
        raise _refused(path, "_kw_requires_import is not a list of names")
    for name in imported:
        value = arguments.get(name)
        module, _, layer = str(value).rpartition(".")
        of_torch = module == "torch.nn" or module.startswith("torch.nn.modules.")
        if value is not None and not (of_torch and layer in _LAYERS):
            raise _refused(path, f"{name} names {value}, which is none of torch's layers here")
    _check_sizes(path, arguments)
    return arguments.get("strides"), _flat(arguments["features_per_stage"])[0]


def _checked_old_architecture(path: Path, stated: dict[str, Any]) -> tuple[Any, int]:
    _check_name(path, "UNet_class_name", stated.get("UNet_class_name"), _OLD_ARCHITECTURES)
    names = ("UNet_base_num_features", "unet_max_num_features", "pool_op_kernel_sizes")
    arguments = {
        "features_per_stage": stated.get(names[0]),
        "most_features": stated.get(names[1]),
        "strides": stated.get(names[2]),
        "kernel_sizes": stated.get("conv_kernel_sizes"),
        "n_conv_per_stage": stated.get("n_conv_per_stage_encoder"),
        "n_conv_per_stage_decoder": stated.get("n_conv_per_stage_decoder"),
    }
    _check_sizes(path, arguments)
    return arguments["strides"], _flat(stated[names[0]])[0]


def _check_sizes(path: Path, arguments: dict[str, Any]) -> None:
    strides = arguments.get("strides")
    if not isinstance(strides, list) or not 1 <= len(strides) <= _STAGES_AT_MOST:
        raise _refused(path, f"a network has 1 to {_STAGES_AT_MOST} stages")
    for name, value in arguments.items():
        per_stage = name.startswith(("n_conv", "n_blocks"))
        most = _LAYERS_AT_MOST if per_stage else _NUMBER_AT_MOST
        for number in _flat(value):
            if not 0 < number <= most:
                raise _refused(path, f"{name} has {number}; 1 to {most} can be built")
        if per_stage and isinstance(value, list) and len(value) > _STAGES_AT_MOST:
            raise _refused(path, f"{name} has {len(value)} stages; {_STAGES_AT_MOST} are the most")
    if not _flat(arguments.get("features_per_stage")):
        raise _refused(path, "the network has no features_per_stage")


def _flat(value: Any) -> list[int]:
    """Every whole number in nested lists; what else is there sizes nothing."""
    if isinstance(value, list):
        return [number for one in value for number in _flat(one)]
    return [value] if isinstance(value, int) and not isinstance(value, bool) else []


def _numbers(path: Path, name: str, value: Any, kind: type) -> tuple[Any, ...]:
    if not isinstance(value, list) or not all(
        isinstance(one, int | float) and not isinstance(one, bool) and 0 < one < math.inf
        for one in value
    ):
        raise _refused(path, f"{name} is not a list of numbers above 0")
    return tuple(kind(one) for one in value)


def _check_name(path: Path, what: str, value: Any, known: Any) -> None:
    if not isinstance(value, str) or value not in known:
        raise _refused(path, f"{what} is {value}; known here: {', '.join(sorted(known))}")


def _refused(
    path: Path,
    problem: str,
    remedy: str = "Only what nnunetv2 and dynamic_network_architectures bring themselves is built.",
) -> InvalidRequest:
    return InvalidRequest(f"{path} cannot be used: {problem}.", remedy=remedy)
