"""`plans.json` and `dataset.json` of nnU-Net v2: read within bounds, before anything is built.

nnU-Net imports what its plans name. Here each name must be one of nnunetv2's own or of
dynamic_network_architectures, and each number small enough to build a network from.
"""

import math
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from inference.models.card_file import parsed
from storage.core.errors import InvalidRequest

PLANS_FILE, DATASET_FILE = "plans.json", "dataset.json"

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
_INHERITS_AT_MOST = 8
_Number = Annotated[int, Field(ge=0, le=65_535)]


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class DatasetFile(_Read):
    """What goes in and what comes out."""

    channel_names: dict[Annotated[str, Field(pattern=r"^\d{1,2}$")], str] = Field(
        min_length=1, max_length=64, validation_alias=AliasChoices("channel_names", "modality")
    )
    labels: dict[str, _Number | list[_Number]] = Field(min_length=2, max_length=1024)
    regions_class_order: list[_Number] | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        """In the order in which the network gets them."""
        numbered = sorted(self.channel_names.items(), key=lambda one: int(one[0]))
        return tuple(name for _, name in numbered)

    @property
    def structures(self) -> dict[str, tuple[int, ...]]:
        """Each label or region by name with the labels that it is made of; no background."""
        found = {
            name: tuple(value) if isinstance(value, list) else (value,)
            for name, value in self.labels.items()
            if name != "ignore"
        }
        return {name: values for name, values in found.items() if set(values) != {0}}

    @property
    def has_regions(self) -> bool:
        return any(isinstance(value, list) and len(value) > 1 for value in self.labels.values())


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
            raise _refused(path, f"{name} is no order of three axes")
    return plans


def read_dataset(folder: Path) -> DatasetFile:
    """Raises InvalidRequest naming what is wrong."""
    path = folder / DATASET_FILE
    dataset = parsed(DatasetFile, path)
    if dataset.labels.get("background") != 0:
        raise _refused(path, "labels has no background of 0")
    if [int(number) for number in sorted(dataset.channel_names, key=int)] != list(
        range(len(dataset.channel_names))
    ):
        raise _refused(path, "channel_names does not count from 0")
    if dataset.has_regions and len(dataset.regions_class_order or ()) != len(dataset.structures):
        raise _refused(path, "regions_class_order does not name a value for each region")
    return dataset


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


def read_configuration(folder: Path, plans: PlansFile, name: str) -> Configuration:
    """A configuration of the plans, when all that it names may be built. Raises InvalidRequest."""
    path = folder / PLANS_FILE
    stated = _resolved(path, plans, name)
    if stated.get("previous_stage"):
        raise InvalidRequest(
            f"{name} of {plans.dataset_name} is the second stage of a cascade: it needs what"
            f" {stated['previous_stage']} finds.",
            remedy="Add 3d_fullres or 3d_lowres of this model; a cascade is not run here.",
        )
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
    wanted: str | None = name
    while wanted is not None:
        if wanted not in plans.configurations or len(chain) == _INHERITS_AT_MOST:
            known = ", ".join(plans.configurations)
            raise _refused(path, f"it has no configuration {wanted} (it has {known})")
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
    for name in stated.get("_kw_requires_import") or ():
        value = arguments.get(name)
        module, _, layer = str(value).rpartition(".")
        of_torch = module == "torch.nn" or module.startswith("torch.nn.modules.")
        if value is not None and not (of_torch and layer in _LAYERS):
            raise _refused(path, f"{name} names {value}, which is none of torch's layers here")
    _check_sizes(path, arguments)
    features = arguments["features_per_stage"]
    return arguments.get("strides"), int(features[0] if isinstance(features, list) else features)


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
    return arguments["strides"], int(stated[names[0]])


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
    if not list(_flat(arguments.get("features_per_stage"))):
        raise _refused(path, "the network has no features_per_stage")


def _flat(value: Any) -> list[int]:
    """Every whole number in nested lists; what else is there sizes nothing."""
    if isinstance(value, list):
        return [number for one in value for number in _flat(one)]
    return [value] if isinstance(value, int) and not isinstance(value, bool) else []


def _numbers(path: Path, name: str, value: Any, kind: type) -> tuple[Any, ...]:
    if not isinstance(value, list) or not all(
        isinstance(one, int | float) and not isinstance(one, bool) and one > 0 for one in value
    ):
        raise _refused(path, f"{name} is no list of numbers above 0")
    return tuple(kind(one) for one in value)


def _check_name(path: Path, what: str, value: Any, known: Any) -> None:
    if value not in known:
        raise _refused(path, f"{what} is {value}; known here: {', '.join(sorted(known))}")


def _refused(path: Path, problem: str) -> InvalidRequest:
    return InvalidRequest(
        f"{path} cannot be used: {problem}.",
        remedy="Only what nnunetv2 and dynamic_network_architectures bring themselves is built.",
    )
