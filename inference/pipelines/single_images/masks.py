"""From the planes of classes that a network gives to masks in the image that was sent."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.pipeline import ImageResult, Measurement
from inference.pipelines.codes import NUMBER_FOUND, PERCENT, SHARE_OF_IMAGE
from inference.pipelines.single_images.classes import segment_of
from inference.pipelines.single_images.shown import shown
from inference.refusals import ModelUnusable
from inference.single_images.description import ImageModelDescription
from inference.single_images.preprocessing import NetworkInput
from storage.core.findings import NO_UNITS

_CLASSES_AT_MOST = 255


def segmented(
    model: ImageModelDescription, uid: str, given: NetworkInput, planes: NDArray[np.float32]
) -> ImageResult:
    """`planes`: (classes, rows, columns) on the network's grid. Raises ModelUnusable."""
    if len(planes) > _CLASSES_AT_MOST:
        raise ModelUnusable(
            f"The model {model.name} has {len(planes)} classes; {_CLASSES_AT_MOST} are"
            " the most taken.",
            remedy="Use a model with fewer classes.",
        )
    overlapping = model.activation == "sigmoid" and len(planes) > 2
    labels = np.zeros(given.frame.shape, np.uint8)
    highest = np.full(given.frame.shape, -1, np.float32)
    # Below any probability: where the model saw nothing of the image, no class is likeliest.
    outside = -1.0
    present: list[tuple[int, int, float]] = []
    apart: list[NDArray[np.bool_]] = []
    for value, plane in enumerate(planes):
        # Class by class: all of them at the image's size would not fit.
        here = given.placement.onto_source(plane, outside)
        if overlapping and value != model.background:
            mask = here >= 0.5
            if mask.any():
                apart.append(mask)
                present.append((value, int(mask.sum()), float(here[mask].mean())))
        higher = here > highest
        labels[higher], highest[higher] = value, here[higher]
    masks: NDArray[Any] | None = np.stack(apart, axis=-1) if apart else None
    if not overlapping:
        seen = highest >= 0
        masks = np.zeros(labels.shape, np.uint8)
        for value in range(len(planes)):
            mask = (labels == value) & seen
            if value != model.background and mask.any():
                present.append((value, int(mask.sum()), float(highest[mask].mean())))
                masks[mask] = len(present)
    segments = tuple(segment_of(model, value) for value, _, _ in present)
    return ImageResult(
        uid,
        shown(given),
        segments=segments,
        masks=masks if present else None,
        measurements=tuple(
            Measurement(
                f"{segment.label} share of the image",
                SHARE_OF_IMAGE,
                100.0 * pixels / labels.size,
                PERCENT,
                index,
                confidence,
            )
            for index, (segment, (_, pixels, confidence)) in enumerate(
                zip(segments, present, strict=True)
            )
        )
        or (Measurement("Segments found", NUMBER_FOUND, 0.0, NO_UNITS),),
    )
