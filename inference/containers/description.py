"""A model in a container: its image resolved once, its manifests kept beside its card."""

import shutil
import tempfile
from pathlib import Path

from inference.containers.card import IMAGE_FILE, ContainerCard, Image
from inference.containers.engine import Engine, engine_of
from inference.containers.manifest import (
    APP_FILE,
    MANIFEST_FOLDERS,
    PACKAGE_FILE,
    AppManifest,
    PackageManifest,
)
from inference.models.card_file import CARD_FILE, parsed, stated_in
from inference.models.description import ModelDescription, slug
from inference.models.model_folders import files_of, install
from storage.core.errors import InvalidRequest
from storage.settings import Settings


class ContainerDescription(ModelDescription):
    """A model in a container as the node needs to know it.

    `labels` are the segments that the card names by value; of others the outputs tell.
    """

    card: ContainerCard
    image: Image
    app: AppManifest
    package: PackageManifest

    @property
    def source(self) -> str:
        """Where the model comes from, as its card and results state it."""
        return f"container image {self.card.container.image}"


def is_container(folder: Path) -> bool:
    """Whether the card in a folder names an image."""
    return "container" in stated_in(folder)


def add_container(settings: Settings, folder: Path) -> ContainerDescription:
    """Look the image up, and keep which it is and its manifests where models lie.

    Nothing of the image is executed. Raises InvalidRequest, ModelUnusable.
    """
    card = parsed(ContainerCard, folder / CARD_FILE)
    engine = engine_of(settings)
    image = Image(id=engine.image_id(card.container.image), engine=engine.name)
    with tempfile.TemporaryDirectory(prefix="mediview-container-") as staging:
        ready = Path(staging)
        shutil.copyfile(folder / CARD_FILE, ready / CARD_FILE)
        for name in (APP_FILE, PACKAGE_FILE):
            (ready / name).write_bytes(_manifest_of(engine, image, card, name))
        (ready / IMAGE_FILE).write_text(image.model_dump_json(indent=1))
        found = describe_container(ready)
        _check_resources(settings, found)
        place = f"{found.name}@{found.version}"
        return describe_container(
            install(settings, ready, place, files_of(ready), keep_digests=True)
        )


def describe_container(folder: Path) -> ContainerDescription:
    """Read one that was added. Raises InvalidRequest naming what is wrong."""
    card = parsed(ContainerCard, folder / CARD_FILE)
    app = parsed(AppManifest, folder / APP_FILE)
    if problem := app.problem():
        raise InvalidRequest(
            f"{APP_FILE} of {card.container.image} cannot be followed: {problem}.",
            remedy="Package the application again with other folders.",
        )
    name = card.container.name
    return ContainerDescription(
        folder=folder,
        inference_file=None,
        prefix="model",
        name=slug(name),
        version=app.version,
        title=card.title or name,
        description=f"{name}: a MONAI Application Package, run in a container.",
        licence=card.licence or "not stated",
        intended_use=card.intended_use,
        modality=card.container.modality.upper(),
        kind="segmentation",
        labels={int(value): one.label for value, one in card.segments.items()},
        background=0,
        card=card,
        image=parsed(Image, folder / IMAGE_FILE),
        app=app,
        package=parsed(PackageManifest, folder / PACKAGE_FILE),
    )


def _manifest_of(engine: Engine, image: Image, card: ContainerCard, name: str) -> bytes:
    for place in MANIFEST_FOLDERS:
        if found := engine.read_file(image.id, f"{place}/{name}"):
            return found
    raise InvalidRequest(
        f"The image {card.container.image} has no {MANIFEST_FOLDERS[0]}/{name}, or one of more"
        " than 256 KiB.",
        remedy="Only MONAI Application Packages are run: package the application with"
        " monai-deploy package, or add both manifests to the image.",
    )


def _check_resources(settings: Settings, found: ContainerDescription) -> None:
    needed, card = found.package.resources, found.card.container
    if needed.gpu and not card.without_gpu:
        raise InvalidRequest(
            f"{card.image} asks for {needed.gpu} GPU, and containers are given none here.",
            remedy='If it works without as well, state "without_gpu": true in the card\'s'
            " container.",
        )
    given = settings.container_memory_bytes
    if needed.memory_bytes > given:
        raise InvalidRequest(
            f"{card.image} asks for {needed.memory_bytes >> 20} MiB of memory;"
            f" MEDIVIEW_CONTAINER_MEMORY_BYTES gives {given >> 20} MiB.",
            remedy="Raise the setting, if the machine has so much.",
        )
