"""From the boxes that a network gives to boxes in the image that was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from inference.findings.counts import NUMBER_FOUND
from inference.pipeline import FoundBox, Measurement
from inference.single_images.description import ImageModelDescription
from inference.single_images.outputs import Boxes
from inference.single_images.preprocessing import NetworkInput
from storage.core.findings import NO_UNITS, Code

_BOXES_AT_MOST = 50


def placed_boxes(
    model: ImageModelDescription,
    boxes: Boxes,
    given: NetworkInput,
    frame_number: int | None,
    image: int = 0,
) -> list[FoundBox]:
    """Those of which the model is as sure as the card asks; `image` is the place of the image
    among those given together."""
    top, left, bottom, right = given.placement.window
    found = []
    for corners, value, score, place in zip(
        boxes.corners, boxes.labels, boxes.scores, boxes.images, strict=True
    ):
        if place != image or score < model.card.score_at_least or int(value) == model.background:
            continue
        x0, y0, x1, y1 = np.clip(corners, [left, top] * 2, [right, bottom] * 2)
        if x1 <= x0 or y1 <= y0:
            continue
        around = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float64)
        placed = given.placement.points(around)
        stated = model.segment(int(value))
        found.append(
            FoundBox(
                stated.label,
                Code(*stated.code),
                tuple((float(x), float(y)) for x, y in placed),
                float(score),
                model.color_rgb(int(value)),
                frame_number,
            )
        )
    return found


def surest(found: Sequence[FoundBox]) -> tuple[FoundBox, ...]:
    """The surest first, each label numbered; so many as a reader can look through."""
    numbered = Counter[str]()
    named = []
    for box in sorted(found, key=lambda one: -(one.confidence or 0.0))[:_BOXES_AT_MOST]:
        numbered[box.label] += 1
        named.append(replace(box, label=f"{box.label} {numbered[box.label]}"))
    return tuple(named)


def uncut(found: Sequence[FoundBox]) -> tuple[FoundBox, ...]:
    """All of them, each with the label that the model knows."""
    return tuple(found)


def number_found(found: Sequence[FoundBox]) -> Measurement:
    """Of all of them, stated where there is none, too."""
    return Measurement("Boxes found", NUMBER_FOUND, float(len(found)), NO_UNITS)
