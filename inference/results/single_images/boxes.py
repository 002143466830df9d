"""Boxes and points in single images as softcopy presentation states."""

from collections.abc import Iterator

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset

from inference.pipeline import FoundBox, ImageResult, Pipeline
from inference.results.narrative import as_dicom_text
from inference.results.single_images.gsps import Drawing, Drawn, outline, written_state
from storage.core.entities import Job
from storage.core.text.rounding import rounded, shown_decimals

_LAYER = "BOXES"
_YELLOW = (255, 214, 10)


def encode_boxes(
    job: Job, pipeline: Pipeline, source: Dataset, image: ImageResult, number: int
) -> Dataset:
    """The image as it asks to be shown, with each box drawn around what it encloses.

    Corners are in the PIXEL units of PS3.3 C.10.5.1.2, exact to a fraction of a pixel; a box need
    not be parallel to rows and columns. `number` is that of the object in its series.
    """
    return written_state(
        job,
        pipeline,
        source,
        image,
        number,
        Drawing(
            _LAYER,
            "boxes",
            image.boxes[0].color_rgb if image.boxes else _YELLOW,
            tuple(_of_boxes(image)),
        ),
    )


def _of_boxes(image: ImageResult) -> Iterator[Drawn]:
    by_frame: dict[int | None, list[FoundBox]] = {}
    for box in image.boxes:
        by_frame.setdefault(box.frame_number, []).append(box)
    for frame_number, boxes in by_frame.items():
        yield Drawn(
            frame_number,
            tuple(
                hd.pr.GraphicObject("POINT", np.array(box.corners, np.float32), "PIXEL")
                if len(box.corners) == 1
                else outline(box.corners)
                for box in boxes
            ),
            tuple(
                hd.pr.TextObject(
                    as_dicom_text(_said_of(box)),
                    "PIXEL",
                    anchor_point=(
                        max(x for x, _ in box.corners),
                        min(y for _, y in box.corners),
                    ),
                    anchor_point_visible=False,
                )
                for box in boxes
            ),
        )


def _said_of(box: FoundBox) -> str:
    if box.measurement is not None:
        value, unit = box.measurement.value, box.measurement.unit.value
        return f"{box.label} {rounded(value, shown_decimals(value, unit))} {unit}"
    return box.label if box.confidence is None else f"{box.label} {box.confidence:.0%}"
