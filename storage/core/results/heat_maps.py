"""Heat maps: which parts of an image a model relied on."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class HeatMap:
    """How much each part of an image counted for a probability; not where a disease is.

    `method`: of "occlusion" the values are how far the probability falls where a part is made
    black, and negative where it rises; of "model" what the model gives by itself, as `meaning`
    says. `values`: rows of parts, whose borders lie at `row_edges` and `column_edges` of what the
    model was shown, in its pixels. `image_from_grid` are a, b, c, d, e and f of
    column = a x + c y + e and row = b x + d y + f, from there (x along its rows) to the image that
    was sent, 0, 0 being the upper left corner of the upper left pixel (PS3.3 C.10.5.1.2).
    `frame_number` counts from 1 and is None of a single-frame image.
    """

    method: Literal["occlusion", "model"]
    values: tuple[tuple[float, ...], ...]
    row_edges: tuple[float, ...]
    column_edges: tuple[float, ...]
    image_from_grid: tuple[float, float, float, float, float, float]
    frame_number: int | None = None
    meaning: str = ""
