"""Boxes that another pipeline found in an image, as a network is given them beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from inference.single_images.preprocessing import NetworkInput
from storage.core.findings import Finding


def states_something(findings: Sequence[Finding], sop_instance_uid: str) -> bool:
    """Whether any is about the image: that none was found in it, too."""
    return any(
        one.image is not None and one.image.sop_instance_uid == sop_instance_uid for one in findings
    )


def painted(
    given: NetworkInput,
    findings: Sequence[Finding],
    sop_instance_uid: str,
    frame_number: int | None,
    values: tuple[float, float],
) -> NetworkInput:
    """In place of the pixels of `given`, on its grid: the second of `values` within boxes of that
    frame, the first elsewhere. A pixel that a box cuts is within."""
    rows, columns = given.frame.shape
    inside = np.zeros((rows, columns, 1), np.float32)
    for one in findings:
        image = one.image
        if (
            image is None
            or image.sop_instance_uid != sop_instance_uid
            or image.graphic_type != "POLYLINE"
            or image.frame_number not in (None, frame_number)
        ):
            continue
        across, down = zip(*image.points, strict=True)
        left, right = max(0, math.floor(min(across))), math.ceil(max(across))
        top, bottom = max(0, math.floor(min(down))), math.ceil(max(down))
        inside[top:bottom, left:right] = 1.0
    share = given.placement.onto_model(inside, np.ones((rows, columns), np.bool_))
    seen = values[0] + (values[1] - values[0]) * share
    return replace(given, seen=np.repeat(seen, given.seen.shape[2], axis=2).astype(np.float32))
