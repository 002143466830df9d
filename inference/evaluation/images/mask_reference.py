"""What somebody holds to be true of each image: a table of masks, a PNG each.

`masks.csv`: the columns `image` (its SOP Instance UID), `label`, `mask` (the PNG, from the folder
of the table), and `frame` of multi-frame images. Pixels that are not 0 are of the label.
"""

import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.evaluation.images.image_table import (
    FrameKey,
    Stated,
    TableForm,
    read_image_table,
    refuse,
    shown,
)
from inference.imaging.picture_files import BROKEN
from storage.core.errors import InvalidRequest

V = TypeVar("V")

MASKS = TableForm("masks.csv", ("mask",), "mask")
_GREY = ("1", "L", "I;16", "I")
"""Modes of Pillow that have one value a pixel."""


@dataclass(frozen=True)
class TrueMasks:
    """Of one image or frame: where the PNGs of each label lie."""

    rows: int
    columns: int
    files: Mapping[str, list[Path]]

    def of(self, label: str) -> NDArray[np.bool_]:
        """In stored pixels; several files of one label together. Raises InvalidRequest."""
        mask = np.zeros((self.rows, self.columns), np.bool_)
        for path in self.files.get(label, ()):
            mask |= _pixels(path)
        return mask


def read_mask_reference(folder: Path, known: Collection[str]) -> dict[FrameKey, TrueMasks | None]:
    """None of an image in which there is nothing. `known`: the labels of the model.

    Raises InvalidRequest naming row, value and remedy.
    """
    found: dict[FrameKey, TrueMasks | None] = {}
    for key, lines in read_image_table(folder, MASKS, known).items():
        files: dict[str, list[Path]] = {}
        for line in lines:
            files.setdefault(line.label, []).append(_checked(folder, line))
        found[key] = TrueMasks(lines[0].rows, lines[0].columns, files) if lines else None
    return found


def _checked(folder: Path, line: Stated) -> Path:
    """The file of a line, as far as its header goes."""
    name = line.values["mask"]
    path = folder / name
    if not name or not path.is_file():
        refuse(
            f'{line.where} names the mask "{shown(name)}", and there is no such file',
            f"Write the path of a PNG from {folder}.",
        )
    columns, rows, mode = _opened(path, lambda image: (*image.size, image.mode))
    if mode not in _GREY:
        refuse(
            f"{line.where} names {path.name}, which is in colour",
            "Save it as a PNG in grey: 0 outside of what is marked, another value inside.",
        )
    if (rows, columns) != (line.rows, line.columns):
        refuse(
            f"{line.where} names {path.name} of {rows} rows and {columns} columns, and the image"
            f" has {line.rows} and {line.columns}",
            "Draw masks on pixels as they are stored, not as they are displayed, turned or"
            " resized.",
        )
    return path


def _pixels(path: Path) -> NDArray[np.bool_]:
    return _opened(path, lambda image: np.asarray(image) != 0)


def _opened(path: Path, read: Callable[[Image.Image], V]) -> V:
    try:
        with warnings.catch_warnings():
            # Images may be as large as twice that; beyond, Pillow refuses.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=["PNG"]) as image:
                return read(image)
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise InvalidRequest(
            f"{path.name} is not a readable PNG.", remedy="Save the mask as a PNG in grey."
        ) from error
