"""The card of a model of nnU-Net, and what is kept of its checkpoints once they are converted."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from inference.models.cards.card_file import Card
from inference.models.description import VERSION_PATTERN
from inference.rules.conditions import Strict

AS_SENT = "as-sent"
_AXES = {"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}
Fold = Annotated[int, Field(ge=0, le=99)] | Literal["all"]


class NnunetModel(Strict):
    """What nnU-Net's own files do not tell, and how it should predict."""

    name: str = Field(min_length=1, max_length=48)
    version: str = Field(pattern=VERSION_PATTERN)
    modality: str = Field(pattern=r"^[A-Za-z]{2,3}$")
    orientation: Annotated[str, Field(pattern=r"^([RLAPSI]{3}|as-sent)$")] | None = None
    """To where columns, rows and slices led in the files that it was trained with; `as-sent`:
    as the series has them. Left out where the plans' reader turns images itself."""
    folds: tuple[Fold, ...] = ()
    """Averaged; empty: every fold with a number."""
    checkpoint: Literal["final", "best"] = "final"
    mirroring: bool = True
    """Averages over mirrored images along the axes that the training allows."""
    step: float = Field(0.5, gt=0.1, le=1)
    """From tile to tile, of a tile's edge."""

    @model_validator(mode="after")
    def _distinct(self) -> "NnunetModel":
        if len(set(self.folds)) < len(self.folds):
            raise ValueError("folds names one twice")
        stated = self.orientation
        if (
            stated is not None
            and stated != AS_SENT
            and len({_AXES[letter] for letter in stated}) < 3
        ):
            raise ValueError("orientation names an axis twice; RAS and LPS are possible")
        return self


class NnunetCard(Card):
    """A card with what nnU-Net needs besides."""

    model: NnunetModel

    @model_validator(mode="after")
    def _complete(self) -> "NnunetCard":
        optional = [name for name, one in self.inputs.items() if not one.required]
        if optional:
            raise ValueError(
                f"{optional[0]} cannot be left out: nnU-Net wants each channel (required: true)"
            )
        return self


class Converted(Strict):
    """`nnunet.json` beside the plans: what the checkpoints stated besides their weights."""

    trainer: str
    configuration: str
    mirror_axes: tuple[Annotated[int, Field(ge=0, le=2)], ...] | None
    folds: tuple[Annotated[str, Field(pattern=r"^(\d{1,2}|all)$")], ...] = Field(min_length=1)
    aliases: dict[str, str] = Field({})
    """Weights that the network has under a second name."""


class Part(Strict):
    """One trained model of a folder; several share the classes of TotalSegmentator."""

    folder: Annotated[str, Field(pattern=r"^(\.|[A-Za-z0-9][A-Za-z0-9_.-]{0,127})$")]
    """Within the model's own: what lies elsewhere is not verified with it."""
    values: dict[Annotated[str, Field(pattern=r"^\d+$")], Annotated[int, Field(ge=0, le=65_535)]]
    """The value in the result of each of its own; empty: the same."""


class Combined(Strict):
    """`combined.json`: models whose results become one."""

    task: str
    spacing_mm: float = Field(gt=0)
    parts: tuple[Part, ...] = Field(min_length=1)
