"""A single image, or the frames of a multi-frame image, as one NIfTI file."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut

from inference.containers.images.grid import grids_of
from inference.imaging.directions import RAS_FROM_LPS
from inference.imaging.grayscale import frame_transforms
from inference.single_images.card import Grey
from inference.single_images.frame import read_frame

_IN_THE_GRID = 1
"""NIFTI_XFORM_SCANNER_ANAT."""
_RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
_DEEPEST_WHOLE_BITS = 16


def write_image(image: Dataset, path: Path) -> None:
    """Axes i, j, k: columns, rows, frames, on the first of `grids_of`. Grey in units of the
    modality (int32, or float32 where a slope is no whole number), colour as RGB24.

    Frame by frame. Raises ImageRefused, LimitExceeded.
    """
    grid = grids_of(image)[0]
    frames, rows, columns = grid.shape
    planes = _planes(image, frames)
    first = next(planes)
    header = nibabel.Nifti1Header()
    header.set_data_dtype(first.dtype)
    header.set_data_shape((columns, rows, frames))
    header.set_xyzt_units("mm")
    ras_from_ijk = (RAS_FROM_LPS @ grid.lps_from_kji)[:, [2, 1, 0, 3]]
    header.set_sform(ras_from_ijk, code=_IN_THE_GRID)
    header.set_qform(ras_from_ijk, code=_IN_THE_GRID)
    header["vox_offset"] = header.single_vox_offset
    with path.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
        header.write_to(packed)
        # The columns of a row follow each other in both.
        packed.write(first.tobytes())
        for plane in planes:
            packed.write(plane.tobytes())


def _planes(image: Dataset, frames: int) -> Iterator[NDArray[Any]]:
    transforms = [frame_transforms(image, index) for index in range(frames)]
    whole = int(image.get("BitsAllocated") or 0) <= _DEEPEST_WHOLE_BITS and all(
        float(one.get(keyword) or 0).is_integer()
        for one in transforms
        for keyword in ("RescaleSlope", "RescaleIntercept")
    )
    for index, one in enumerate(transforms):
        frame = read_frame(image, index, Grey())
        if frame.values.shape[2] == 1:
            values = np.asarray(apply_modality_lut(frame.stored, one))
            yield (np.rint(values).astype(np.int32) if whole else values.astype(np.float32))
        else:
            shown = np.where(frame.covered[..., None], frame.values, 0.0)
            colours = np.ascontiguousarray(np.rint(shown * 255.0).astype(np.uint8))
            yield colours.view(_RGB)[..., 0]
