"""The outline of a heat map as a softcopy presentation state (PS3.3 A.33.1), for a PACS."""

from collections.abc import Iterator

import highdicom as hd
from pydicom.dataset import Dataset

from inference.pipeline import ImageResult, Pipeline
from inference.results.narrative import as_dicom_text
from inference.results.single_images.gsps import Drawing, Drawn, outline, written_state
from storage.core.entities import Job
from storage.core.results.heat_maps import HeatMap

_LAYER = "HEAT_MAP"
_RED = (255, 0, 0)
_OUTLINED = 0.5
"""Of the most that a part counts."""


def encode_heat_outline(
    job: Job, pipeline: Pipeline, source: Dataset, image: ImageResult, number: int
) -> Dataset | None:
    """Around the parts that count for half as much as the most, or more, where they lie in the
    image that was sent; None where no part counts."""
    answer = image.heated
    if answer is None or answer.heat_map is None:
        return None
    heat_map = answer.heat_map
    most = max(max(row) for row in heat_map.values)
    if most <= 0:
        return None
    how = (
        f"hidden, the outlined parts lower its probability by up to {100 * most:.1f} percentage"
        " points"
        if heat_map.method == "occlusion"
        else heat_map.meaning
    )
    # A line for each, since viewers break none.
    text = f"Heat map of {answer.label}:\r\n{how}.\r\nNot where a disease is.".replace("..", ".")
    drawn = Drawn(
        heat_map.frame_number,
        tuple(outline(corners) for corners in _parts(heat_map, _OUTLINED * most)),
        (
            hd.pr.TextObject(
                as_dicom_text(text), "DISPLAY", (0.0, 0.0, 1.0, 0.1), text_justification="LEFT"
            ),
        ),
    )
    drawing = Drawing(_LAYER, "heat map", _RED, (drawn,))
    return written_state(job, pipeline, source, image, number, drawing)


def _parts(heat_map: HeatMap, least: float) -> Iterator[tuple[tuple[float, float], ...]]:
    """The corners (column, row) in the image of parts beside each other of `least` or more."""
    a, b, c, d, e, f = heat_map.image_from_grid
    rows, columns = heat_map.row_edges, heat_map.column_edges
    for row, values in enumerate(heat_map.values):
        begin = None
        for column, value in enumerate((*values, -1.0)):
            if value >= least:
                begin = column if begin is None else begin
                continue
            if begin is not None:
                left, right, top, bottom = columns[begin], columns[column], rows[row], rows[row + 1]
                corners = ((left, top), (right, top), (right, bottom), (left, bottom))
                yield tuple((a * x + c * y + e, b * x + d * y + f) for x, y in corners)
            begin = None
