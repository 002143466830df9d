"""A model in a container: its image resolved once, its manifests kept beside its card."""

import shutil
import tempfile
from pathlib import Path

from inference.containers.card import IMAGE_FILE, ContainerCard, ContainerRunning, Image
from inference.containers.container_run import ContainerEngine
from inference.containers.engine import engine_of
from inference.containers.manifest import (
    APP_FILE,
    MANIFEST_AT_MOST_BYTES,
    MANIFEST_FOLDERS,
    PACKAGE_FILE,
    TEMPORARY_FOLDER,
    AppManifest,
    PackageManifest,
    Place,
    Resources,
)
from inference.models.cards.card_file import CARD_FILE, parsed, stated_in
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

    @property
    def asks_for_gpu(self) -> bool:
        """Whether it is given GPUs where the site gives containers any."""
        return bool(self.package.resources.gpu)

    @property
    def needs_gpu(self) -> bool:
        """Whether it asks for a GPU, and its card does not say that it works without."""
        return self.asks_for_gpu and not self.card.container.without_gpu


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
        run = card.container.run
        for name in (APP_FILE, PACKAGE_FILE):
            (ready / name).write_bytes(
                _manifest_of(engine, image, card, folder, name)
                if run is None
                else _stated(engine, image, card, run)[name]
            )
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
            f"{'The card' if card.container.run else APP_FILE} of {card.container.image} cannot be"
            f" followed: {problem}.",
            remedy="State other folders in the card."
            if card.container.run
            else "Package the application again with other folders.",
        )
    name = card.container.name
    return ContainerDescription(
        folder=folder,
        inference_file=None,
        prefix="model",
        name=slug(name),
        version=app.version,
        title=card.title or name,
        description=f"{name}: run in a container."
        if card.container.run
        else f"{name}: a MONAI Application Package, run in a container.",
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


def _manifest_of(
    engine: ContainerEngine, image: Image, card: ContainerCard, folder: Path, name: str
) -> bytes:
    """Of the image; where its engine cannot look into it, a copy beside the card."""
    if engine.name == "kubernetes" and (folder / name).is_file():
        with (folder / name).open("rb") as stream:
            return stream.read(MANIFEST_AT_MOST_BYTES)
    for place in MANIFEST_FOLDERS:
        if found := engine.read_file(image.id, f"{place}/{name}"):
            return found
    raise InvalidRequest(
        f"The image {card.container.image} has no {MANIFEST_FOLDERS[0]}/{name}, or one of more"
        " than 256 KiB.",
        remedy="If it is another kind of image, state in the card's container how it is"
        ' run: "run": {"version": …, "command": […]}. With Kubernetes put copies of both manifests'
        " beside the card.",
    )


def _stated(
    engine: ContainerEngine, image: Image, card: ContainerCard, run: ContainerRunning
) -> dict[str, bytes]:
    """What manifests would say, of a card that says how its image is run."""
    command, working_directory = engine.starts_with(image.id)
    if not (run.command or command):
        raise InvalidRequest(
            f"The image {card.container.image} does not say what is to be run.",
            remedy='State it in the card: "run": {"command": ["python3", "/app/run.py"]}.',
        )
    # The root is no folder that a command could be at home in.
    own = working_directory if working_directory.strip("/") else TEMPORARY_FOLDER
    app = AppManifest(
        command=run.command or command,
        version=run.version,
        working_directory=run.working_directory or own,
        input=Place(path=run.input),
        output=Place(path=run.output),
        environment=run.environment,
    )
    package = PackageManifest(resources=Resources(gpu=run.gpus))
    return {
        APP_FILE: app.model_dump_json(indent=1).encode(),
        PACKAGE_FILE: package.model_dump_json(indent=1).encode(),
    }


def _check_resources(settings: Settings, found: ContainerDescription) -> None:
    needed, card = found.package.resources, found.card.container
    if found.needs_gpu and not settings.container_gpus:
        raise InvalidRequest(
            f"{card.image} asks for {needed.gpu} GPU, and containers are given none here:"
            " MEDIVIEW_CONTAINER_GPUS is empty.",
            remedy='Set it, or state "without_gpu": true in the card\'s container if it works'
            " without as well.",
        )
    given = settings.container_memory_bytes
    if needed.memory_bytes > given:
        raise InvalidRequest(
            f"{card.image} asks for {needed.memory_bytes >> 20} MiB of memory;"
            f" MEDIVIEW_CONTAINER_MEMORY_BYTES gives {given >> 20} MiB.",
            remedy="Raise the setting, if the machine has so much.",
        )
