"""What the values of a label map are, as the container itself says: `labels.json` beside it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, RootModel

from inference.containers.labels import check_label
from inference.containers.output_files import named
from inference.models.cards.card_file import parsed
from inference.models.cards.card_quantities import CodeOf, Label
from inference.models.description import OwnSegments, color_of
from inference.pipeline import SEGMENTS_AT_MOST, Segment
from inference.refusals import ModelUnusable
from inference.rules.conditions import Strict
from storage.core.errors import InvalidRequest
from storage.core.findings import Code

LABELS_FILE = "labels.json"
_ELEMENTS_AT_MOST = 20 * SEGMENTS_AT_MOST
_ANATOMICAL = ("123037004", "SCT", "Anatomical Structure")
_SIDES = {"left": Code("7771000", "SCT", "Left"), "right": Code("24028007", "SCT", "Right")}

_Name = Annotated[Label, AfterValidator(check_label)]
_Grey = Annotated[int, Field(ge=0, le=255)]


class _Named(Strict):
    """One value; as a segment of the card."""

    label: _Name
    code: CodeOf | None = None
    category: CodeOf = _ANATOMICAL
    laterality: Literal["left", "right"] | None = None
    color_rgb: tuple[_Grey, _Grey, _Grey] | None = None


def _with_label(stated: object) -> object:
    """A name alone is its label."""
    return {"label": stated} if isinstance(stated, str) else stated


_Value = Annotated[int, Field(ge=1, le=65_535)]


class _Names(RootModel[dict[_Value, _Named]]):
    """By value: a name, or a name with its code."""

    root: dict[_Value, Annotated[_Named, BeforeValidator(_with_label)]] = Field(
        max_length=SEGMENTS_AT_MOST
    )


class LabelNames:
    """By folder what the values of label maps in it are; of the output folder for all others."""

    def __init__(self, folder: Path, paths: Iterable[Path]) -> None:
        """Raises ModelUnusable naming the file that has another form."""
        self._folder = folder
        self._by_folder: dict[Path, Mapping[int, Segment]] = {}
        for path in paths:
            if path.name == LABELS_FILE:
                with named(path):
                    self._by_folder[path.parent] = _read(path)

    def beside(self, path: Path) -> Mapping[int, Segment]:
        """What the values of a label map are, by its path."""
        return self._by_folder.get(path.parent, self._by_folder.get(self._folder, {}))


def _read(path: Path) -> dict[int, Segment]:
    try:
        stated = parsed(_Names, path, _ELEMENTS_AT_MOST).root
    except InvalidRequest as error:
        raise ModelUnusable(
            error.message.replace(str(path), f"{LABELS_FILE} of the container"),
            remedy="Its form is in docs/pipelines/containers.md.",
        ) from error
    own = OwnSegments(one.label for one in stated.values())
    return {value: _segment(value, one, own) for value, one in stated.items()}


def _segment(value: int, one: _Named, own: OwnSegments) -> Segment:
    return Segment(
        one.label,
        Code(*one.category),
        Code(*(one.code or own.of(one.label).code)),
        one.color_rgb or color_of(value),
        _SIDES.get(one.laterality or ""),
    )
