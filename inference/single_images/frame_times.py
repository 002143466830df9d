"""When the frames of a cine were taken, counted from the first."""

import itertools
import math

from pydicom.dataset import Dataset

from inference.imaging.frames import number_of_frames

_VECTOR = 0x00181065
"""Frame Time Vector, as Frame Increment Pointer names it."""


def frame_times_s(header: Dataset) -> tuple[float, ...] | None:
    """In seconds, of each frame, ascending: by Frame Time or Frame Time Vector (PS3.3 C.7.6.5);
    None where the header states neither, or none that can be."""
    count = number_of_frames(header)
    own = _by_vector(header, count)
    points_to_vector = header.get("FrameIncrementPointer") == _VECTOR
    if own is not None and (points_to_vector or _frame_time_ms(header) is None):
        return own
    step = _frame_time_ms(header)
    return None if step is None else tuple(step * index / 1000.0 for index in range(count))


def _by_vector(header: Dataset, count: int) -> tuple[float, ...] | None:
    try:
        steps = [float(one) for one in header.get("FrameTimeVector") or ()]
    except (TypeError, ValueError):
        return None
    if len(steps) != count or not all(math.isfinite(one) and one > 0 for one in steps[1:]):
        return None
    # The first is that from the frame before, of which there is none.
    return tuple(total / 1000.0 for total in itertools.accumulate((0.0, *steps[1:])))


def _frame_time_ms(header: Dataset) -> float | None:
    try:
        step = float(header.get("FrameTime"))
    except (TypeError, ValueError):
        return None
    return step if math.isfinite(step) and step > 0 else None
