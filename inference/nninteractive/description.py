"""A trained model of nnInteractive in a folder: recognised, converted once, described."""

import re
import tempfile
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from inference.models.cards.card_file import CARD_FILE, Card, parsed
from inference.models.description import VERSION_PATTERN, ModelDescription, slug
from inference.models.model_folders import files_of, install
from inference.nninteractive.info import INFO_FILE, OLD_INFO_FILE, InfoFile, info_file_of, read_info
from inference.nnunet.card import AS_SENT, Converted, Fold
from inference.nnunet.conversion import check_trainer, checkpoint_reader, convert
from inference.nnunet.dataset import DATASET_FILE
from inference.nnunet.plans import PLANS_FILE, Configuration, PlansFile, read_configuration
from inference.rules.conditions import Strict
from storage.core.errors import InvalidRequest
from storage.core.text.outside_text import text_from_outside
from storage.settings import Settings

CONVERTED_FILE = "nninteractive.json"
LICENCE_FILE = "LICENSE"
_TURNING_READERS = ("SimpleITKIOWithReorient", "NibabelIOWithReorient")
_OWN_TRAINER = re.compile(r"^nnInteractiveTrainer\w{0,100}$")
_LICENCE_AT_MOST = 200


class NninteractiveModel(Strict):
    """What the files of nnInteractive do not tell."""

    name: str = Field(min_length=1, max_length=48)
    version: str = Field(pattern=VERSION_PATTERN)
    modality: str = Field("", pattern=r"^([A-Za-z]{2,3})?$")
    """Left out: any series that `accepts` takes."""
    orientation: Annotated[str, Field(pattern=r"^([RLAPSI]{3}|as-sent)$")] | None = None
    """To where columns, rows and slices led in what it was trained with. Left out: as the reader
    of the plans turned them, else as the series has them."""
    fold: Fold | None = None
    checkpoint: str = Field("final", pattern=r"^(final|best)$")


class NninteractiveCard(Card):
    """A card with what nnInteractive needs besides. `segments` are names and codes that a person
    may choose from; the model itself knows no structure."""

    model: NninteractiveModel

    @model_validator(mode="after")
    def _of_one_series(self) -> "NninteractiveCard":
        if self.inputs:
            raise ValueError("inputs: a model of nnInteractive sees one series")
        if self.accepts is None:
            raise ValueError("accepts is missing: nobody else can say which series are meant")
        return self


class NninteractiveDescription(ModelDescription):
    """A model of nnInteractive as the node needs to know it."""

    card: NninteractiveCard
    plans: PlansFile
    planned: Configuration
    converted: Converted
    info: InfoFile
    orientation: str
    """To where columns, rows and slices lead in what the network sees, or `as-sent`."""

    @property
    def source(self) -> str:
        return f"nnInteractive, trained on {self.plans.dataset_name}"


def is_nninteractive(folder: Path) -> bool:
    """Whether nnInteractive trained what is in a folder."""
    return info_file_of(folder) is not None and (folder / PLANS_FILE).is_file()


def is_added_nninteractive(folder: Path) -> bool:
    return (folder / CONVERTED_FILE).is_file()


def add_nninteractive(settings: Settings, folder: Path) -> NninteractiveDescription:
    """Convert a trained model and copy it to where models lie, with the digest of every file.

    Raises InvalidRequest, ModelUnusable.
    """
    if not (folder / CARD_FILE).is_file():
        raise InvalidRequest(
            f"{folder} has no {CARD_FILE}: nothing in it says which series are meant.",
            remedy="Put a card beside plans.json: docs/pipelines/interactive.md.",
        )
    card = parsed(NninteractiveCard, folder / CARD_FILE)
    plans = parsed(PlansFile, folder / PLANS_FILE)
    read_info(folder)
    with (
        tempfile.TemporaryDirectory(prefix="mediview-nninteractive-") as made,
        checkpoint_reader([folder]) as processes,
    ):
        target = Path(made)
        for name in (CARD_FILE, PLANS_FILE, INFO_FILE, OLD_INFO_FILE, DATASET_FILE, LICENCE_FILE):
            if (folder / name).is_file():
                (target / name).write_bytes((folder / name).read_bytes())
        folds = () if card.model.fold is None else (card.model.fold,)
        converted = convert(
            folder, target, folds, card.model.checkpoint, processes, trainer=_check_trainer
        )
        if len(converted.folds) > 1:
            raise InvalidRequest(
                f"{folder} has the folds {', '.join(converted.folds)}, and one is used.",
                remedy='Name it in the card\'s model: "fold": 0.',
            )
        read_configuration(folder, plans, converted.configuration, is_preprocessed=False)
        (target / CONVERTED_FILE).write_text(converted.model_dump_json(indent=1))
        return install_nninteractive(settings, target)


def install_nninteractive(settings: Settings, folder: Path) -> NninteractiveDescription:
    """Copy a converted model to where models lie. Raises InvalidRequest, ModelUnusable."""
    found = describe_nninteractive(folder)
    _check_trainer(found.converted.trainer)
    place = f"{found.name}@{found.version}"
    return describe_nninteractive(
        install(settings, folder, place, files_of(folder), keep_digests=True)
    )


def describe_nninteractive(folder: Path) -> NninteractiveDescription:
    """Read a converted model. Raises InvalidRequest naming what is wrong."""
    card = parsed(NninteractiveCard, folder / CARD_FILE)
    plans = parsed(PlansFile, folder / PLANS_FILE)
    converted = parsed(Converted, folder / CONVERTED_FILE)
    configuration = read_configuration(
        folder, plans, converted.configuration, is_preprocessed=False
    )
    if len(configuration.patch_size) != 3:
        raise InvalidRequest(f"{configuration.name} of {folder} has no patches of three axes.")
    turned = "RAS" if plans.image_reader_writer in _TURNING_READERS else AS_SENT
    return NninteractiveDescription(
        folder=folder,
        inference_file=None,
        prefix="click",
        name=slug(card.model.name),
        version=card.model.version,
        title=card.title or card.model.name,
        description=f"{card.model.name}: nnInteractive, {configuration.name}, trained on"
        f" {plans.dataset_name}.",
        licence=card.licence or _licence(folder) or "not stated",
        intended_use=card.intended_use,
        modality=card.model.modality.upper(),
        kind="segmentation",
        labels={int(value): one.label for value, one in card.segments.items()},
        background=0,
        card=card,
        plans=plans,
        planned=configuration,
        converted=converted,
        info=read_info(folder),
        orientation=card.model.orientation or turned,
    )


def _licence(folder: Path) -> str:
    """The first line of the LICENSE that released models have, which names it."""
    try:
        with (folder / LICENCE_FILE).open(encoding="utf-8") as file:
            line = file.readline(_LICENCE_AT_MOST)
    except (OSError, ValueError):
        return ""
    return text_from_outside(line.strip(), _LICENCE_AT_MOST)


def _check_trainer(trainer: str) -> None:
    """nnInteractive's trainers build what plans.json says, as nnU-Net's do. Raises InvalidRequest,
    ModelUnusable."""
    if not _OWN_TRAINER.match(trainer):
        check_trainer(trainer)
