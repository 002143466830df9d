"""A model taken in from a folder, proven, and put to work where nothing speaks against it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from inference.bundles.installed import add_described, is_model
from inference.bundles.plain import is_served
from inference.model_registry.status import ModelBlocked, Standing, model_of, models_named
from inference.model_registry.transitions import activate
from inference.model_registry.verification import verify
from inference.models.cards.card_file import check_card
from inference.models.model_folders import changing_models
from inference.models.packs import add_pack
from inference.models.signatures import check_signature
from inference.pipelines.catalogue import catalogue
from inference.refusals import ModelUnusable
from storage.core.errors import InvalidRequest
from storage.core.untrusted_input.folder_walk import remove_tree
from storage.model_registry.registry import ModelStates
from storage.model_registry.shadow_runs import ShadowRuns
from storage.settings import Settings


@dataclass(frozen=True)
class Added:
    """Where a model stands after it was added, and in words how far it came."""

    standing: Standing
    steps: tuple[str, ...]


class SharedModels(Protocol):
    """Where a model goes for other hosts."""

    def put(self, folder: Path) -> None:
        """Raises StorageUnavailable."""

    def withdraw(self, folder: Path) -> None:
        """Of a model that was put there. Raises StorageUnavailable."""


def add_model(
    settings: Settings,
    model_states: ModelStates,
    shadow_runs: ShadowRuns,
    folder: Path,
    by: str,
    *,
    hold: bool = False,
    signed: bool = False,
    note: str = "",
    shared: SharedModels | None = None,
) -> Added:
    """Copy a model to where the node looks for it, and take it as far as it may go.

    It is verified at once. It becomes active where no other version is, and where the gate
    of its card, if it has one, opens; `hold` leaves it as added. `signed` asks for a signature
    also where the site names no keys, which fails. `note` is for the history. `shared` gets
    the folder before anything is decided on it, and before another process of this host could put
    back what was there.

    Raises NotConfigured for that, InvalidRequest where the folder is no model or its signature is
    missing or wrong, ModelUnusable where it fails its self-test: then its folder is removed again,
    unless it takes the place of the same version, or its card names a server, which may answer
    later. Where `shared` raises, a new model is removed again as well.
    """
    signer = ""
    if signed or settings.model_keys is not None:
        signer = check_signature(settings, folder)
    check_card(folder)
    with changing_models(settings):
        name, version, made = _install(settings, folder, shared)
    standing = model_of(settings, model_states, name, version)
    card = standing.pipeline.card
    by_key = f"Signed by {signer}." if signer else ""
    steps = [f"{card.name} {card.version} is added. {by_key}".strip()]
    if card.admission == "operator" and (
        standing.record is None or standing.record.digest != card.digest
    ):
        model_states.move(name, version, card.digest, "added", by, detail=by_key or note)
    if hold:
        return Added(model_of(settings, model_states, name, version), tuple(steps))
    try:
        _, shown = verify(model_states, model_of(settings, model_states, name, version), by)
    except ModelUnusable as error:
        for one in made:
            if one.name in (card.name, f"{card.name}@{card.version}") and not is_served(one):
                with changing_models(settings):
                    if shared is not None:
                        shared.withdraw(one)
                    remove_tree(one)
                raise ModelUnusable(
                    f"{error.message} {card.name} {card.version} was not added.",
                    remedy=error.remedy,
                ) from error
        raise
    steps.append(f"It is verified: {shown}")
    others = [
        one.pipeline.card.version
        for one in models_named(settings, model_states, name)
        if one.state == "active" and one.pipeline.card.version != version
    ]
    standing = model_of(settings, model_states, name, version)
    if others:
        steps.append(
            f"Version {others[0]} stays active. Let this one run beside it (mediview models"
            f" shadow {name} --version {version}), or in its place (activate)."
        )
    elif standing.state == "verified":
        try:
            activate(model_states, shadow_runs, standing, by)
        except ModelBlocked as refused:
            steps.append(f"It is not active: {refused.message} {refused.remedy}")
    standing = model_of(settings, model_states, name, version)
    if standing.state == "active":
        steps.append(f"It is active: the pipeline {standing.pipeline.name} runs with it.")
    return Added(standing, tuple(steps))


def _install(
    settings: Settings, folder: Path, shared: SharedModels | None
) -> tuple[str, str, set[Path]]:
    """Name and version of the model, and the folders that were not there before."""
    before = _folders(settings)
    if is_model(folder):
        model = add_described(settings, folder)
        name, version = model.name, model.version
        made = _folders(settings) - before
        if name in _of_release(settings):
            for one in made:
                remove_tree(one)
            raise InvalidRequest(
                f"{name} is the name of a model of the release.",
                remedy="Give the added model another name.",
            )
    else:
        card = add_pack(settings, folder, [pipeline.card for pipeline in catalogue(settings)])
        name, version, made = card.name, card.version, _folders(settings) - before
    if shared is not None:
        _put(shared, folder_of(settings, name, version), made)
    return name, version, made


def _of_release(settings: Settings) -> set[str]:
    """Names of models: two of one name and version could not be kept apart."""
    cards = [pipeline.card for pipeline in catalogue(settings)]
    return {card.name for card in cards if card.admission != "operator"}


def _put(shared: SharedModels, folder: Path, made: set[Path]) -> None:
    try:
        shared.put(folder)
    except Exception:
        if folder in made:
            remove_tree(folder)
        raise


def folder_of(settings: Settings, name: str, version: str) -> Path:
    """That of a pack has no version."""
    folder = settings.resolved_models_dir / f"{name}@{version}"
    return folder if folder.is_dir() else settings.resolved_models_dir / name


def _folders(settings: Settings) -> set[Path]:
    models = settings.resolved_models_dir
    return set(models.iterdir()) if models.is_dir() else set()
