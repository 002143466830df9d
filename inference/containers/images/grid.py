"""Where the pixels of a single image or the frames of a multi-frame image lie as NIfTI."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.frames import frames_of, number_of_frames
from inference.imaging.headers import items_of_frames
from inference.refusals import VolumeRefused
from inference.results.masks.place import Grid

_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")


def grids_of(image: Dataset, *, as_pixels: bool = False) -> list[Grid]:
    """All on which its label maps may lie; the first is that on which it is given.

    A single image with a place in the patient lies there. All others lie in a plane of their own:
    the first pixel at 0, 0, rows and columns along the first two axes of LPS, in mm by a spacing
    that the image states, else 1; frames are 1 apart. `as_pixels`: pixels 1 apart as well.
    """
    frames = number_of_frames(image)
    shape = (frames, int(image.Rows), int(image.Columns))
    if frames == 1 and _states_place(image):
        with suppress(VolumeRefused):
            found = [Grid(shape, _placed(image), "image")]
            return [*found, Grid(shape, _plane((1.0, 1.0)), "image")] if as_pixels else found
    spacings = list(dict.fromkeys(_spacings(image)))
    if as_pixels or not spacings:
        spacings.append((1.0, 1.0))
    return [Grid(shape, _plane(one), "image") for one in spacings]


def _states_place(image: Dataset) -> bool:
    positions = (image, *items_of_frames(image, "PlanePositionSequence"))
    return any(one.get("ImagePositionPatient") for one in positions)


def _placed(image: Dataset) -> NDArray[np.float64]:
    (frame,) = frames_of([image])
    lps_from_kji = np.eye(4)
    lps_from_kji[:3, 0] = np.cross(frame.row_cosine, frame.column_cosine)
    lps_from_kji[:3, 1] = frame.column_cosine * frame.row_spacing_mm
    lps_from_kji[:3, 2] = frame.row_cosine * frame.column_spacing_mm
    lps_from_kji[:3, 3] = frame.position_mm
    return lps_from_kji


def _plane(spacing_mm: Sequence[float]) -> NDArray[np.float64]:
    """`spacing_mm`: between rows, then between columns."""
    lps_from_kji = np.zeros((4, 4))
    lps_from_kji[2, 0] = lps_from_kji[3, 3] = 1.0
    lps_from_kji[1, 1], lps_from_kji[0, 2] = spacing_mm
    return lps_from_kji


def _spacings(image: Dataset) -> Iterator[tuple[float, float]]:
    """Between rows and between columns: what the image states, and what all of its functional
    groups state alike."""
    for keyword in _SPACINGS:
        if (stated := _spacing(image, keyword)) is not None:
            yield stated
    measures = items_of_frames(image, "PixelMeasuresSequence")
    of_frames = {_spacing(one, "PixelSpacing") for one in measures}
    if len(of_frames) == 1 and (common := of_frames.pop()) is not None:
        yield common


def _spacing(holder: Dataset, keyword: str) -> tuple[float, float] | None:
    with suppress(TypeError, ValueError):
        rows_mm, columns_mm = (float(one) for one in holder.get(keyword) or ())
        if 0 < rows_mm < np.inf and 0 < columns_mm < np.inf:
            return rows_mm, columns_mm
    return None
