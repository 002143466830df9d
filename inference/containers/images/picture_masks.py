"""Masks of images as PNG: which image and frame a file is of, and the labels in it."""

from __future__ import annotations

import io
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.containers.output_files import named
from inference.imaging.picture_files import checked_size
from inference.refusals import ModelUnusable
from storage.core.text.outside_text import shown_file_name
from storage.pixels.frame_decoder import array_of
from storage.pixels.processes import run

_MASK = "mask"
_NUMBER = re.compile(r"[0-9]{1,6}")
_WHITE = 255
_REMEDY = "Ask who made the image for masks in the pixels of the image as sent."


@dataclass
class PictureMasks:
    """Files that are masks, by the role of their image and by folder: of each frame one."""

    by_folder: dict[tuple[str, Path], dict[int, Path]] = field(default_factory=dict)

    def take(self, path: Path, role: str, frames: int) -> bool:
        """Whether a PNG is a mask by its name: `mask.png`, `00003.png` of frame 3, or the role of
        its image. `frames`: of its image. Raises ModelUnusable naming what it is not of."""
        stem = path.stem
        if not is_mask(path, role):
            return False
        is_number = _NUMBER.fullmatch(stem) is not None
        if not is_number and frames > 1:
            raise refused(path, f"names no frame of the image, which has {frames}: 00001.png")
        number = int(stem) if is_number else 1
        if not 1 <= number <= frames:
            raise refused(path, f"is of frame {number}; the image has {frames}")
        others = self.by_folder.setdefault((role, path.parent), {})
        if number in others:
            other = shown_file_name(others[number].name)
            raise refused(path, f"is of the same frame as {other} beside it")
        others[number] = path
        return True


def is_mask(path: Path, role: str) -> bool:
    """Whether a PNG is one by its name; others are previews and their like."""
    is_named = path.stem in (_MASK, role) or _NUMBER.fullmatch(path.stem) is not None
    return path.suffix == ".png" and is_named


def role_of(path: Path, folder: Path, roles: Collection[str]) -> str | None:
    """Whose mask a file is: of the one image, or of the role that its folder in the output, or its
    own name there, is; None where it is of none."""
    if "" in roles:
        return ""
    parts = path.relative_to(folder).parts
    role = parts[0] if len(parts) > 1 else parts[0].partition(".")[0]
    return role if role in roles else None


def read_planes(
    paths: dict[int, Path], shape: tuple[int, int, int], values: Collection[int]
) -> NDArray[np.uint16]:
    """Labels of shape (frames, rows, columns), 0 on frames without a file. `values`: what labels
    may be; white is the one label where there is no other. Raises ModelUnusable."""
    labels = np.zeros(shape, np.uint16)
    for number, path in paths.items():
        with named(path):
            labels[number - 1] = _as_label(_labels_in(path, shape[1:]), values)
    return labels


def _labels_in(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint16]:
    data = path.read_bytes()
    columns, rows = checked_size(io.BytesIO(data), thing="mask")
    if (rows, columns) != shape:
        raise refused(path, f"has {columns} × {rows} pixels; the image has {shape[1]} × {shape[0]}")
    size = 2 * rows * columns
    answer, body = run(
        "storage.pixels.tasks:label_picture", data, "It cannot be read as a PNG.",
        answer_bytes=size, pixels=rows * columns,
    )  # fmt: skip
    found: NDArray[np.uint16] = array_of(answer, body)
    return found


def _as_label(labels: NDArray[np.uint16], values: Collection[int]) -> NDArray[np.uint16]:
    """Masks of black and white are common, and white is no value that cards name."""
    if len(values) == 1 and _WHITE not in values and np.isin(labels, (0, _WHITE)).all():
        return np.where(labels > 0, np.uint16(next(iter(values))), np.uint16(0))
    return labels


def refused(path: Path, why: str) -> ModelUnusable:
    return ModelUnusable(f"{shown_file_name(path.name)} of the container {why}.", remedy=_REMEDY)
