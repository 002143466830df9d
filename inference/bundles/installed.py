"""Bundles in the models folder: added once, and not run when a file has changed since."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import structlog

from inference.bundles.description import describe, is_bundle
from inference.bundles.plain import describe_plain, is_plain
from inference.bundles.single_images import (
    add_image_bundle,
    describe_image_bundle,
    is_image_bundle,
)
from inference.containers.description import (
    ContainerDescription,
    add_container,
    describe_container,
    is_container,
)
from inference.model_servers.endpoint import endpoint_of
from inference.models.cards.card_file import CARD_FILE
from inference.models.cards.installed_cards import reading_installed
from inference.models.description import ModelDescription
from inference.models.model_folders import files_of, install, refuse_code
from inference.models.named_findings import check_finding_names
from inference.nninteractive.description import (
    NninteractiveDescription,
    add_nninteractive,
    describe_nninteractive,
    install_nninteractive,
    is_added_nninteractive,
    is_nninteractive,
)
from inference.nnunet.description import (
    NnunetDescription,
    add_nnunet,
    describe_nnunet,
    install_converted,
    is_added_nnunet,
    is_nnunet,
)
from inference.nnunet.totalsegmentator import add_totalsegmentator, trained_folders
from inference.result_rules.card import RuleDescription
from inference.result_rules.folder import add_rule, describe_rule, is_rule
from inference.single_images.description import (
    ImageModelDescription,
    add_image_model,
    describe_image_model,
    is_image_model,
)
from storage.core.errors import InvalidRequest, NotConfigured
from storage.settings import Settings

log = structlog.get_logger(__name__)

_Description = TypeVar(
    "_Description",
    ModelDescription,
    ContainerDescription,
    ImageModelDescription,
    NninteractiveDescription,
    NnunetDescription,
    RuleDescription,
)
_Described = TypeVar("_Described")
_Adding = Callable[[Settings, Path], ModelDescription | ImageModelDescription]
_Served = TypeVar("_Served", ModelDescription, ImageModelDescription)


def is_model(folder: Path) -> bool:
    """Whether a folder is a model that can be added: a MONAI bundle, one that nnU-Net trained,
    weights of TotalSegmentator, a card that names an image or states a rule, or a model with its
    card."""
    return _is_installed(folder) or is_nninteractive(folder) or bool(trained_folders(folder))


def described(folder: Path) -> ModelDescription:
    """Raises InvalidRequest naming what is wrong."""
    found = describe(folder) if is_bundle(folder) else describe_plain(folder)
    check_finding_names(found, folder / CARD_FILE)
    return found


def add_described(settings: Settings, folder: Path) -> ModelDescription | ImageModelDescription:
    """Copy a model of any kind to where models lie. Raises InvalidRequest, ModelUnusable."""
    kinds: tuple[tuple[Callable[[Path], object], _Adding], ...] = (
        (is_container, add_container),
        (is_rule, add_rule),
        (is_added_nnunet, install_converted),
        (is_added_nninteractive, install_nninteractive),
        (is_nninteractive, add_nninteractive),
        (lambda one: is_nnunet(one) and (one / CARD_FILE).is_file(), add_nnunet),
        (trained_folders, add_totalsegmentator),
        (is_image_bundle, add_image_bundle),
        (lambda one: not is_bundle(one) and is_image_model(one), add_image_model),
    )
    for is_one, add in kinds:
        if is_one(folder):
            return add(settings, folder)
    return add_bundle(settings, folder)


def describe_installed(
    folder: Path,
) -> (
    ModelDescription
    | ContainerDescription
    | ImageModelDescription
    | NnunetDescription
    | NninteractiveDescription
    | RuleDescription
):
    """A model of any kind, as it lies where models lie, by the checks of today. Raises
    InvalidRequest."""
    if is_container(folder):
        return describe_container(folder)
    if is_rule(folder):
        return describe_rule(folder)
    if is_added_nnunet(folder):
        return describe_nnunet(folder)
    if is_added_nninteractive(folder):
        return describe_nninteractive(folder)
    if _is_of_images(folder):
        return describe_image_bundle(folder) if is_bundle(folder) else describe_image_model(folder)
    return described(folder)


def add_bundle(settings: Settings, folder: Path) -> ModelDescription:
    """Copy a bundle to where models lie, with the digest of every file; versions of one
    bundle lie side by side.

    Raises InvalidRequest where it is none that can be run. A bundle brings code of its own:
    adding one is to trust who made it.
    """
    description = described(folder)
    if not is_bundle(folder):
        refuse_code(folder)
    place = f"{description.name}@{description.version}"
    return described(install(settings, folder, place, files_of(folder), keep_digests=True))


def installed_bundles(settings: Settings) -> list[ModelDescription]:
    """Every bundle that was added, by name; one that cannot be read is logged."""
    of_others = (_is_of_images, is_added_nnunet, is_added_nninteractive, is_container, is_rule)
    found = _read(
        [one for one in _folders(settings) if not any(is_other(one) for is_other in of_others)],
        described,
    )
    return [_with_server(settings, one) for one in found]


def _with_server(settings: Settings, model: _Served) -> _Served:
    """With the address of the model server that its card names, where the site names it, too."""
    if model.served is None:
        return model
    try:
        return model.model_copy(update={"endpoint": endpoint_of(settings, model.served.server)})
    except NotConfigured:
        # Its readiness says so.
        return model


def installed_image_models(settings: Settings) -> list[ImageModelDescription]:
    """Every model of single images that was added, by name."""
    found = _read(
        [one for one in _folders(settings) if _is_of_images(one)],
        lambda one: describe_image_bundle(one) if is_bundle(one) else describe_image_model(one),
    )
    return [_with_server(settings, one) for one in found]


def installed_nnunets(settings: Settings) -> list[NnunetDescription]:
    """Every model of nnU-Net that was added, by name."""
    return _read([one for one in _folders(settings) if is_added_nnunet(one)], describe_nnunet)


def installed_nninteractives(settings: Settings) -> list[NninteractiveDescription]:
    """Every model of nnInteractive that was added, by name."""
    return _read(
        [one for one in _folders(settings) if is_added_nninteractive(one)], describe_nninteractive
    )


def installed_containers(settings: Settings) -> list[ContainerDescription]:
    """Every model in a container that was added, by name."""
    return _read([one for one in _folders(settings) if is_container(one)], describe_container)


def installed_rules(settings: Settings) -> list[RuleDescription]:
    """Every rule that was added, by name."""
    return _read([one for one in _folders(settings) if is_rule(one)], describe_rule)


def _folders(settings: Settings) -> list[Path]:
    models = settings.resolved_models_dir
    if not models.is_dir():
        return []
    return [
        folder
        for folder in sorted(models.iterdir())
        if not folder.name.startswith(".") and _is_installed(folder)
    ]


def _is_installed(folder: Path) -> bool:
    of_nnunet = (is_added_nnunet, is_added_nninteractive)
    kinds = (is_bundle, *of_nnunet, is_container, is_image_model, is_plain, is_rule)
    return any(is_one(folder) for is_one in kinds)


def _is_of_images(folder: Path) -> bool:
    return is_image_bundle(folder) if is_bundle(folder) else is_image_model(folder)


def _read(
    folders: Sequence[Path], describing: Callable[[Path], _Description]
) -> list[_Description]:
    found = []
    for folder in folders:
        try:
            found.append(_described_installed(folder, describing))
        except InvalidRequest as error:
            log.warning("bundle_unusable", folder=folder.name, detail=error.message)
    return found


def _described_installed(folder: Path, describing: Callable[[Path], _Described]) -> _Described:
    """A model that is in use goes on, though its card would not be taken today for a name in it.

    Raises InvalidRequest for anything else.
    """
    try:
        return describing(folder)
    except InvalidRequest as error:
        with reading_installed():
            found = describing(folder)
        log.warning("card_to_correct", folder=folder.name, detail=error.message)
        return found
