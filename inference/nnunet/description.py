"""A trained model of nnU-Net v2 in a folder: recognised, converted once, described."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from inference.models.cards.card_file import CARD_FILE, parsed
from inference.models.description import ModelDescription, slug
from inference.models.model_folders import files_of, install
from inference.models.named_findings import check_finding_names
from inference.nnunet.card import Combined, Converted, NnunetCard, Part
from inference.nnunet.conversion import (
    CONVERTED_FILE,
    check_trainer,
    checkpoint_reader,
    convert,
)
from inference.nnunet.dataset import DATASET_FILE, DatasetFile, read_dataset
from inference.nnunet.plans import (
    PLANS_FILE,
    Configuration,
    PlansFile,
    read_configuration,
    read_plans,
)
from inference.pipeline import SEGMENTS_AT_MOST
from storage.core.errors import InvalidRequest
from storage.processes.limited import LimitedProcesses
from storage.settings import Settings

COMBINED_FILE = "combined.json"
# The readers of nnunetv2 that turn what they read.
_TURNED = ("SimpleITKIOWithReorient", "NibabelIOWithReorient")


class TrainedModel(BaseModel):
    """One set of plans with the weights of its folds. `values`: what its own become; or none."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    plans: PlansFile
    dataset: DatasetFile
    configuration: Configuration
    converted: Converted
    values: dict[int, int]


class NnunetDescription(ModelDescription):
    """A model of nnU-Net as the node needs to know it.

    `labels` name the segments by the value that they have in the network's label map. `regions`
    are segments that several of these values belong to.
    """

    card: NnunetCard
    parts: tuple[TrainedModel, ...]
    regions: dict[int, tuple[int, ...]]
    orientation: str
    """To where columns, rows and slices lead in what the network sees, or `as-sent`."""
    spacing_mm: float | None = None
    """To which images are resampled before nnU-Net sees them, as TotalSegmentator does."""

    @property
    def source(self) -> str:
        """Where the model comes from, as its card and results state it."""
        return f"nnU-Net v2, trained on {self.parts[0].plans.dataset_name}"

    @property
    def channel_roles(self) -> tuple[str, ...]:
        """The inputs of the card in the network's order; empty for one series."""
        names = self.parts[0].dataset.channels if self.card.inputs else ()
        return tuple(slug(name) for name in names)


def is_nnunet(folder: Path) -> bool:
    """Whether nnU-Net trained what is in a folder."""
    return (folder / PLANS_FILE).is_file() and (folder / DATASET_FILE).is_file()


def is_added_nnunet(folder: Path) -> bool:
    return (folder / CONVERTED_FILE).is_file() or (folder / COMBINED_FILE).is_file()


def add_nnunet(settings: Settings, folder: Path) -> NnunetDescription:
    """Convert a trained model and copy it to where models lie, with the digest of every file.

    Raises InvalidRequest, ModelUnusable.
    """
    if not (folder / CARD_FILE).is_file():
        raise InvalidRequest(
            f"{folder} has no {CARD_FILE}: nnU-Net's files do not say which series are meant.",
            remedy="Put a card beside plans.json: docs/pipelines/nnunet.md.",
        )
    card = parsed(NnunetCard, folder / CARD_FILE)
    _check_channels(folder, card, read_dataset(folder).channels)
    _orientation(folder, card, [read_plans(folder)])
    with (
        tempfile.TemporaryDirectory(prefix="mediview-nnunet-") as converted,
        checkpoint_reader([folder]) as processes,
    ):
        target = Path(converted)
        (target / CARD_FILE).write_bytes((folder / CARD_FILE).read_bytes())
        convert_part(folder, target, card, processes)
        return install_converted(settings, target)


def convert_part(source: Path, target: Path, card: NnunetCard, processes: LimitedProcesses) -> None:
    """Plans, data set and weights of one trained model, without pickles."""
    plans = read_plans(source)
    read_dataset(source)
    for name in (PLANS_FILE, DATASET_FILE):
        (target / name).write_bytes((source / name).read_bytes())
    stated = card.model
    converted = convert(source, target, stated.folds, stated.checkpoint, processes)
    read_configuration(source, plans, converted.configuration)
    (target / CONVERTED_FILE).write_text(converted.model_dump_json(indent=1))


def install_converted(settings: Settings, folder: Path) -> NnunetDescription:
    """Copy a converted model, whatever it consists of, to where models lie.

    Raises InvalidRequest, ModelUnusable.
    """
    found = describe_nnunet(folder)
    for part in found.parts:
        check_trainer(part.converted.trainer)
    place = f"{found.name}@{found.version}"
    return describe_nnunet(install(settings, folder, place, files_of(folder), keep_digests=True))


def describe_nnunet(folder: Path) -> NnunetDescription:
    """Read a converted model. Raises InvalidRequest naming what is wrong."""
    card = parsed(NnunetCard, folder / CARD_FILE)
    combined = None
    parts = [Part(folder=".", values={})]
    if (folder / COMBINED_FILE).is_file():
        combined = parsed(Combined, folder / COMBINED_FILE)
        parts = list(combined.parts)
    trained = tuple(_trained(folder / one.folder, one) for one in parts)
    first = trained[0]
    if any(one.dataset.channels != first.dataset.channels for one in trained):
        raise InvalidRequest(f"The parts of {folder} take different channels.")
    _check_channels(folder, card, first.dataset.channels)
    labels, regions = _labels_of(first.dataset)
    if combined is not None:
        labels = {int(value): one.label for value, one in card.segments.items()}
    if len(labels) > SEGMENTS_AT_MOST:
        raise InvalidRequest(
            f"{folder / CARD_FILE} names {len(labels)} segments; a result has {SEGMENTS_AT_MOST}"
            " at most.",
            remedy="Leave segments out of the card.",
        )
    found = NnunetDescription(
        folder=folder,
        inference_file=None,
        prefix="model",
        name=slug(card.model.name),
        version=card.model.version,
        title=card.title or card.model.name,
        description=f"{card.model.name}: nnU-Net v2, {first.configuration.name}, trained on"
        f" {first.plans.dataset_name}.",
        licence=card.licence or "not stated",
        intended_use=card.intended_use,
        modality=card.model.modality.upper(),
        kind="segmentation",
        labels=labels,
        background=0,
        card=card,
        parts=trained,
        regions=regions,
        orientation=_orientation(folder, card, [one.plans for one in trained]),
        spacing_mm=None if combined is None else combined.spacing_mm,
    )
    check_finding_names(found, folder / CARD_FILE)
    return found


def _trained(folder: Path, part: Part) -> TrainedModel:
    plans = read_plans(folder)
    converted = parsed(Converted, folder / CONVERTED_FILE)
    configuration = read_configuration(folder, plans, converted.configuration)
    mirrored, axes = converted.mirror_axes or (), len(configuration.patch_size)
    if max(mirrored, default=0) >= axes:
        raise InvalidRequest(
            f"The model in {folder} mirrors along axis {max(mirrored)}; {configuration.name} has"
            f" {axes} axes, counted from 0.",
            remedy="Name a folder that nnUNetv2_train wrote.",
        )
    return TrainedModel(
        folder=folder,
        plans=plans,
        dataset=read_dataset(folder),
        configuration=configuration,
        converted=converted,
        values={int(own): value for own, value in part.values.items()},
    )


def _labels_of(dataset: DatasetFile) -> tuple[dict[int, str], dict[int, tuple[int, ...]]]:
    """Names by value in the label map, and the values that each region consists of.

    A region's value is that of `regions_class_order`, which later regions overwrite: the region
    is wherever one of its labels stands, as nnU-Net evaluates it.
    """
    structures = dataset.structures
    if not dataset.has_regions:
        return {values[0]: name for name, values in structures.items()}, {}
    order = dataset.regions_class_order or []
    numbered = list(zip(order, structures.items(), strict=True))
    labels = {value: name for value, (name, _) in numbered}
    return labels, {value: values for value, (_, values) in numbered}


def _check_channels(folder: Path, card: NnunetCard, channels: Sequence[str]) -> None:
    roles = [slug(name) for name in channels]
    if len(channels) == 1 and not card.inputs:
        return
    if sorted(roles) != sorted(card.inputs):
        stated = ", ".join(card.inputs) or "none"
        raise InvalidRequest(
            f"The model in {folder} takes {', '.join(channels)}; inputs of its card: {stated}.",
            remedy=f"Name the inputs as dataset.json names its channels: {', '.join(roles)}.",
        )


def _orientation(folder: Path, card: NnunetCard, plans: Sequence[PlansFile]) -> str:
    turned = {one.image_reader_writer in _TURNED for one in plans}
    stated = card.model.orientation
    if turned == {True}:
        if stated not in (None, "RAS"):
            raise InvalidRequest(
                f"{folder / CARD_FILE} states the orientation {stated}; the model's reader turns"
                " images to RAS.",
                remedy="Leave orientation out.",
            )
        return "RAS"
    if stated is None:
        raise InvalidRequest(
            f"{folder / CARD_FILE} does not say how images lay that the model was trained with.",
            remedy='Add "orientation" to its model: "as-sent" where files were written by'
            ' SimpleITK or ITK, "LAS" where axial series were converted by dcm2niix, "RAS", ….',
        )
    return stated
