"""Model packs: folders of weights that an operator adds, taken only as their digests are known.

A pack lies in `MEDIVIEW_MODELS_DIR` under the name of its card. Which files it must hold,
and with which SHA-256, the card in the code says: nothing else is ever loaded.
"""

from collections.abc import Sequence
from pathlib import Path

from inference.models.card import ModelCard
from inference.models.files import file_sha256
from inference.models.model_folders import files_of, install
from inference.models.readiness import Readiness
from inference.refusals import ModelUnusable
from storage.core.errors import InvalidRequest
from storage.settings import Settings

_ADD = "Add it: mediview models add FOLDER."


def verified_pack(settings: Settings, card: ModelCard) -> dict[str, Path]:
    """The files of an installed pack by name, each with the digest that its card states.

    Raises ModelUnusable.
    """
    folder = settings.resolved_models_dir / card.name
    paths = {}
    for file in card.files:
        path = folder / file.name
        if not path.is_file():
            raise ModelUnusable(f"The model pack {card.name} is not installed.", remedy=_ADD)
        digest = file_sha256(path)
        if digest != file.sha256:
            raise ModelUnusable(
                f"{file.name} of the model pack {card.name} has SHA-256 {digest[:12]}…;"
                f" {file.sha256[:12]}… is the one that was proven.",
                remedy=_ADD,
            )
        paths[file.name] = path
    return paths


def pack_readiness(settings: Settings, card: ModelCard) -> Readiness:
    """Whether the pack is there and is the proven one; nothing is loaded."""
    try:
        verified_pack(settings, card)
    except ModelUnusable as error:
        absent = not (settings.resolved_models_dir / card.name).exists()
        return Readiness(False, f"{error.message} {error.remedy}".strip(), optional=absent)
    return Readiness(True, f"{card.name} {card.version}: weights found and verified.")


def add_pack(settings: Settings, folder: Path, cards: Sequence[ModelCard]) -> ModelCard:
    """Copy the pack in `folder` to where models lie; the card that it proved to be.

    Raises InvalidRequest where its files are those of no card, or where a link leads elsewhere.
    """
    for card in cards:
        if card.files and all(
            (folder / file.name).is_file() and file_sha256(folder / file.name) == file.sha256
            for file in card.files
        ):
            # Licence and notes go along with the weights.
            files = [path for path in files_of(folder) if path.parent == folder]
            install(settings, folder, card.name, files, keep_digests=False)
            return card
    known = ", ".join(sorted(card.name for card in cards)) or "none"
    raise InvalidRequest(
        f"The files in {folder} are those of no model pack that this release knows ({known}).",
        remedy="Get the pack again from where it is published, unchanged.",
    )
