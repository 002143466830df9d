"""What a card of a model of single images says of the frames of multi-frame images."""

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import Field

from inference.rules.conditions import Strict

ClassNumber = Annotated[str, Field(pattern=r"^\d{1,5}$")]


class Frames(Strict):
    """How the frames of one multi-frame image are taken."""

    at_most: int = Field(32, ge=1, le=512)
    """So many, evenly over the image, the first and the last among them."""
    combine: Literal["mean", "max", "min"] | None = None
    """Of a classification: the probability of each label over the frames, `mean` unless stated; of
    a segmentation: the area of each segment over those on which it is marked, `max` unless stated;
    of a regression always the mean."""
    fractional_area_change: tuple[ClassNumber, ...] = ()
    """Of a segmentation: classes of which it is stated how far the area falls from its largest."""

    def check(self, output: str, labels: Collection[str]) -> None:
        """`labels`: the classes that the card names, if any. Raises ValueError."""
        if output == "image-landmarks":
            raise ValueError("image-landmarks takes single images; leave frames out")
        change = self.fractional_area_change
        if output != "image-segmentation" and (change or self.combine == "min"):
            raise ValueError(
                "frames.fractional_area_change and frames.combine “min” are of areas, which"
                " image-segmentation alone gives"
            )
        unknown = [one for one in change if labels and one not in labels]
        if unknown:
            raise ValueError(f"frames.fractional_area_change names {unknown[0]}, and labels do not")
