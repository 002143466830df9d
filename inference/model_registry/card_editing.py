"""The card of an added model as text: checked as one types, and saved as other files of the model.

A card that was saved makes other files, so the model begins as added again, and is verified before
it makes results. Another version in the card makes another version of the model.
"""

import difflib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.bundles.installed import describe_installed
from inference.model_registry.adding import Added, folder_of
from inference.model_registry.card_mistakes import (
    CardMistake,
    general_mistake,
    mistake_in,
    repeated_key,
)
from inference.model_registry.sharing import ModelStorage, add_shared_model
from inference.model_registry.shown_files import without_folder
from inference.model_registry.status import ModelBlocked, Standing
from inference.models.cards.card_file import CARD_FILE
from inference.models.cards.card_words import CardInvalid
from inference.models.model_folders import DIGESTS
from storage.core.errors import (
    InvalidRequest,
    LimitExceeded,
    NotConfigured,
    NotFound,
    VersionConflict,
)
from storage.core.untrusted_input.bounded_json import RepeatedKey, load_bounded_json
from storage.core.untrusted_input.folder_walk import files_below
from storage.core.untrusted_input.json_places import nearest_place, places_in
from storage.settings import Settings

CARD_MAX_CHARACTERS = 256 * 1024
_ELEMENTS_AT_MOST = 20_000
_MISTAKES_AT_MOST = 50
_NOTE_CHARACTERS = 500
_SIGNATURE = "SHA256SUMS"


@dataclass(frozen=True)
class CardText:
    """`locked`: why it cannot be saved here, in a sentence; empty where it can be."""

    text: str
    digest: str
    locked: str


@dataclass(frozen=True)
class CardCheck:
    """`version`: of the model with this card; empty where there are mistakes."""

    mistakes: tuple[CardMistake, ...]
    changes: str
    version: str


class CardRefused(InvalidRequest):
    """A card with mistakes."""

    code = "card_invalid"

    def __init__(self, mistakes: tuple[CardMistake, ...]) -> None:
        first = mistakes[0]
        super().__init__(
            f"The card has {len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}; the first in"
            f" line {first.place[0]}: {first.sentence}",
            remedy=first.remedy,
        )
        self.mistakes = mistakes


def card_text(settings: Settings, standing: Standing) -> CardText:
    """Raises NotFound of a model whose card is in the release, and not in a folder."""
    text = _read(_folder(settings, standing))
    return CardText(text, _digest(text), _locked(settings))


def check_card_text(settings: Settings, standing: Standing, text: str) -> CardCheck:
    """What is wrong with a card for these weights, and what it changes. Nothing is kept."""
    folder = _folder(settings, standing)
    before = _read(folder)
    changes = "\n".join(
        difflib.unified_diff(before.splitlines(), text.splitlines(), "saved", "edited", lineterm="")
    )
    stated, mistakes = _stated(text)
    if mistakes:
        return CardCheck(mistakes, changes, "")
    with _with_card(settings, folder, text, _link) as staged:
        found = _described(settings, standing, staged, text, stated)
    if isinstance(found, str):
        return CardCheck((), changes, found)
    return CardCheck(found, changes, "")


def save_card(
    storage: ModelStorage, standing: Standing, text: str, based_on: str, by: str
) -> Added:
    """Keep a card, and with it the model as added.

    Raises NotConfigured where cards are not changed here, VersionConflict where it is another one
    by now, CardRefused, and ModelBlocked where the version is in use and the card states no other.
    """
    settings = storage.settings
    if locked := _locked(settings):
        raise NotConfigured(
            locked, remedy="Change it where the model comes from, and add it again."
        )
    folder = _folder(settings, standing)
    if _digest(_read(folder)) != based_on:
        raise VersionConflict(
            "The card was changed by somebody else.", remedy="Read it again, and repeat the change."
        )
    check = check_card_text(settings, standing, text)
    if check.mistakes:
        raise CardRefused(check.mistakes)
    card = standing.pipeline.card
    if check.version == card.version and standing.state in ("active", "shadow"):
        raise ModelBlocked(
            f"{card.name} {card.version} is {standing.state}, and another card makes other files.",
            remedy="State another version in the card, or retire this one first.",
        )
    note = f"Card changed: {', '.join(_changed(_read(folder), text)) or 'its layout'}."
    with _with_card(settings, folder, text, shutil.copyfile) as staged:
        return add_shared_model(storage, staged, by, hold=True, note=note[:_NOTE_CHARACTERS])


def _locked(settings: Settings) -> str:
    if settings.model_uploads != "any":
        return (
            "Cards are not changed over HTTP here: MEDIVIEW_MODEL_UPLOADS is"
            f" {settings.model_uploads}."
        )
    if settings.model_keys is not None:
        return "Models are signed here, and so are their cards."
    return ""


def _folder(settings: Settings, standing: Standing) -> Path:
    card = standing.pipeline.card
    folder = folder_of(settings, card.name, card.version)
    if card.admission != "operator" or not (folder / DIGESTS).is_file():
        raise NotFound(
            f"The card of {card.name} {card.version} comes with the release.",
            remedy="Cards of models that were added can be changed.",
        )
    return folder


def _read(folder: Path) -> str:
    path = folder / CARD_FILE
    return path.read_text("utf-8", "replace") if path.is_file() else "{}\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _stated(text: str) -> tuple[Any, tuple[CardMistake, ...]]:
    """What it states; or why it is not an object of JSON, at its line."""
    try:
        stated = load_bounded_json(
            text.encode("utf-8", "replace"), _ELEMENTS_AT_MOST, unique_keys=True
        )
    except RepeatedKey as error:
        return None, (repeated_key(text, error),)
    except json.JSONDecodeError as error:
        place = error.lineno, error.colno
        return None, (
            general_mistake(f"It is not JSON: {error.msg}.", "Correct the text there.", place),
        )
    except (LimitExceeded, ValueError) as error:
        sentence = error.message if isinstance(error, LimitExceeded) else str(error)
        return None, (general_mistake(sentence, "Make it shorter."),)
    if not isinstance(stated, dict):
        return None, (
            general_mistake("A card is an object.", "Begin it with { and end it with }."),
        )
    return stated, ()


def _described(
    settings: Settings, standing: Standing, folder: Path, text: str, stated: Any
) -> str | tuple[CardMistake, ...]:
    """The version of the model with the card in that folder, or the mistakes."""
    card = standing.pipeline.card
    try:
        found = describe_installed(folder)
    except CardInvalid as error:
        places = places_in(text)
        listed = error.errors[:_MISTAKES_AT_MOST]
        return tuple(mistake_in(error, one, places, stated) for one in listed)
    except InvalidRequest as error:
        sentence = without_folder(error.message, folder, "the model")
        return (general_mistake(sentence, error.remedy or "Correct the card."),)
    places = places_in(text)
    if found.name != card.name:
        return (
            CardMistake(
                "model.name",
                nearest_place(places, ("model", "name")),
                f"This is the card of {card.name}, and it names {found.name}.",
                json.dumps(found.name, ensure_ascii=False),
                "Keep the name; another model is added by itself.",
            ),
        )
    if found.version != card.version and folder_of(settings, found.name, found.version).is_dir():
        return (
            CardMistake(
                "model.version",
                nearest_place(places, ("model", "version")),
                f"There is a version {found.version} of {card.name} already.",
                json.dumps(found.version),
                "State a version that there is not.",
            ),
        )
    return found.version


def _changed(before: str, after: str) -> list[str]:
    """The names of the main fields that differ."""
    old, _ = _stated(before)
    new, _ = _stated(after)
    old, new = old or {}, new or {}
    return sorted(key for key in {*old, *new} if old.get(key) != new.get(key))


def _link(source: Path, copy: Path) -> None:
    copy.symlink_to(source.resolve())


@contextmanager
def _with_card(
    settings: Settings, folder: Path, text: str, put: Callable[[Path, Path], object]
) -> Iterator[Path]:
    """A folder as that of the model, with another card. A signature stays behind: it is of the card
    that was."""
    with tempfile.TemporaryDirectory(prefix="model-card-", dir=settings.data_dir) as staging:
        ready = Path(staging) / folder.name
        ready.mkdir()
        for path in files_below(folder):
            name = path.relative_to(folder)
            if str(name) in (CARD_FILE, DIGESTS) or name.name.startswith(_SIGNATURE):
                continue
            (ready / name.parent).mkdir(parents=True, exist_ok=True)
            put(path, ready / name)
        (ready / CARD_FILE).write_text(text, "utf-8")
        yield ready
