"""`dataset.json` of nnU-Net v2: channels, labels and regions, as far as the node can use them."""

from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from inference.models.cards.card_file import parsed
from inference.pipeline import SEGMENTS_AT_MOST
from storage.core.errors import InvalidRequest

DATASET_FILE = "dataset.json"
_REMEDY = "Take dataset.json from the folder that nnUNetv2_train wrote."
_Number = Annotated[int, Field(ge=0, le=65_535)]


class DatasetFile(BaseModel):
    """What goes in and what comes out."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    channel_names: dict[Annotated[str, Field(pattern=r"^\d{1,2}$")], str] = Field(
        min_length=1, max_length=64, validation_alias=AliasChoices("channel_names", "modality")
    )
    labels: dict[str, _Number | Annotated[list[_Number], Field(min_length=1)]] = Field(
        min_length=2, max_length=1024
    )
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
    if len(dataset.structures) > SEGMENTS_AT_MOST:
        raise _refused(
            path,
            f"it names {len(dataset.structures)} labels; a result has {SEGMENTS_AT_MOST} at most",
            "Train a model with fewer labels, or several that share them.",
        )
    if dataset.has_regions:
        _check_regions(path, dataset)
    else:
        _check_labels(path, dataset)
    return dataset


def _check_labels(path: Path, dataset: DatasetFile) -> None:
    """The network's heads are numbered; a label has the number of its head."""
    values = sorted(values[0] for values in dataset.structures.values())
    if values != list(range(1, len(values) + 1)):
        shown = ", ".join(str(value) for value in values[:20])
        raise _refused(
            path,
            f"labels has the values {shown}, which do not count from 1 to {len(values)}",
        )


def _check_regions(path: Path, dataset: DatasetFile) -> None:
    """The value that a region writes into the label map must be one that makes it out."""
    order, regions = dataset.regions_class_order or [], dataset.structures
    if len(order) != len(regions):
        raise _refused(
            path,
            f"regions_class_order has {len(order)} values for {len(regions)} regions",
        )
    for value, (name, values) in zip(order, regions.items(), strict=True):
        if value not in values or order.count(value) > 1:
            stated = ", ".join(str(one) for one in values)
            why = "another region has as well" if value in values else f"is none of its ({stated})"
            raise _refused(
                path,
                f"regions_class_order gives the region {name[:60]} the value {value}, which {why}",
            )


def _refused(path: Path, problem: str, remedy: str = _REMEDY) -> InvalidRequest:
    return InvalidRequest(f"{path} cannot be used: {problem}.", remedy=remedy)
