"""Heat maps of findings as the API's JSON."""

from typing import Literal

from pydantic import Field

from api.base_schemas import Payload
from storage.core.results.heat_maps import HeatMap


class HeatMapPayload(Payload):
    """How much each part of an image counted for a probability; not where a disease is."""

    method: Literal["occlusion", "model"] = Field(
        description="`occlusion`: how far the probability falls where a part is made black,"
        " negative where it rises; `model`: what the model gives by itself."
    )
    meaning: str = Field(description="Of what the model gives, in the words of its card.")
    frame_number: int | None = Field(description="From 1; null of a single-frame image.")
    values: list[list[float]] = Field(description="Rows of parts.", examples=[[[0.0, 0.21]]])
    row_edges: list[float] = Field(
        description="Where the rows of parts begin and end, in pixels of what the model was shown.",
        examples=[[0, 224]],
    )
    column_edges: list[float] = Field(examples=[[0, 112, 224]])
    image_from_grid: tuple[float, float, float, float, float, float] = Field(
        description="a, b, c, d, e and f of column = a x + c y + e and row = b x + d y + f, from"
        " there to the image that was sent, where 0, 0 is the upper left corner of the upper left"
        " pixel.",
        examples=[(1.43, 0.0, 0.0, 1.07, 0.0, 0.0)],
    )


def heat_map_payload(heat_map: HeatMap | None) -> HeatMapPayload | None:
    if heat_map is None:
        return None
    return HeatMapPayload(
        method=heat_map.method,
        meaning=heat_map.meaning,
        frame_number=heat_map.frame_number,
        values=[list(row) for row in heat_map.values],
        row_edges=list(heat_map.row_edges),
        column_edges=list(heat_map.column_edges),
        image_from_grid=heat_map.image_from_grid,
    )
