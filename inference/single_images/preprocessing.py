"""From a frame to the grid of a network, by the card; and where that grid lies in the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.headers import patient_orientation
from inference.single_images.card import Preprocessing, Resize
from inference.single_images.frame import ImageFrame, read_frame
from inference.single_images.placement import Orientation, Placement, Shape
from inference.single_images.refusals import ImageRefused

_LUMINANCE = np.array((0.299, 0.587, 0.114), np.float32)
"""Of red, green, blue: ITU-R BT.601, as PS3.3 C.7.6.3.1.2 takes them for YBR_FULL."""
_OPPOSITE = dict(zip("LRAPHF", "RLPAFH", strict=True))
_GRID_AT_MOST = 4096


@dataclass(frozen=True)
class NetworkInput:
    """`seen` float32 from 0 to 1, (rows, columns, channels): what the network is shown, before
    mean and standard deviation. `frame` is what it was made of."""

    seen: NDArray[np.float32]
    placement: Placement
    frame: ImageFrame


def prepare(dataset: Dataset, frame_index: int, card: Preprocessing) -> NetworkInput:
    """One frame, `frame_index` from 0, on the grid of the network.

    `card` has been completed by `completed`. Raises ImageRefused, LimitExceeded.
    """
    frame = read_frame(dataset, frame_index, card.grey, shutters=card.shutters == "black")
    crop = _crop(frame) if card.crop == "covered" else (0, 0, *frame.shape)
    orientation = orientation_of(dataset, card.orientation, frame_index + 1)
    placement = _placed(frame, crop, orientation, card.resize)
    # Channels last: a film of ten megapixels in three of them would be for nothing.
    seen = _in_channels(placement.onto_model(frame.values, frame.covered), card.channels or 1)
    return NetworkInput(seen, placement, frame)


def normalized(seen: NDArray[np.float32], card: Preprocessing) -> NDArray[np.float32]:
    """Less the mean, by the standard deviation, as (channels, rows, columns)."""
    channels = seen.shape[2]
    mean = np.array(card.mean or (0.0,), np.float32)
    std = np.array(card.std or (1.0,), np.float32)
    if len(mean) > 1 and channels == 2 * len(mean):
        # Of an image and its prior, each by itself.
        mean, std = np.tile(mean, 2), np.tile(std, 2)
    if len(mean) not in (1, channels) or len(std) not in (1, channels):
        raise ImageRefused(
            f"The card names {len(mean)} means and {len(std)} deviations for {channels} channels.",
            remedy="Correct the model's card.",
        )
    values: NDArray[np.float32] = np.moveaxis((seen - mean) / std, 2, 0)
    return np.ascontiguousarray(values, np.float32)


def orientation_of(
    header: Dataset, wanted: tuple[str, str] | None, frame_number: int = 1
) -> Orientation:
    """How an image, or a frame of it, is turned so that rows and columns lead where `wanted` says.

    By Patient Orientation (PS3.3 C.7.6.1.1.1), of which the first letter of each direction
    counts. Raises ImageRefused where that is missing or is of another plane.
    """
    if wanted is None:
        return Orientation()
    stated = patient_orientation(header, frame_number)
    if len(stated) != 2 or any(one not in _OPPOSITE for one in stated):
        raise ImageRefused(
            "The image does not state its Patient Orientation, and the model's card asks for"
            f" {'/'.join(wanted)}.",
            remedy="Ask for a resend with Patient Orientation.",
        )
    along_row, along_column = stated
    transposed = along_row not in (wanted[0], _OPPOSITE[wanted[0]])
    if transposed:
        along_row, along_column = along_column, along_row
    for have, want in ((along_row, wanted[0]), (along_column, wanted[1])):
        if have not in (want, _OPPOSITE[want]):
            raise ImageRefused(
                f"The image's Patient Orientation is {'/'.join(stated)}; the model's card asks"
                f" for {'/'.join(wanted)}, which is another plane.",
                remedy="Send the view that the model takes.",
            )
    return Orientation(
        transposed,
        rows_reversed=along_column != wanted[1],
        columns_reversed=along_row != wanted[0],
    )


def _crop(frame: ImageFrame) -> tuple[int, int, int, int]:
    """The smallest box around what is covered: first row, first column, rows, columns."""
    rows = np.flatnonzero(frame.covered.any(axis=1))
    columns = np.flatnonzero(frame.covered.any(axis=0))
    return (
        int(rows[0]),
        int(columns[0]),
        int(rows[-1] - rows[0]) + 1,
        int(columns[-1] - columns[0]) + 1,
    )


def _placed(
    frame: ImageFrame,
    crop: tuple[int, int, int, int],
    orientation: Orientation,
    resize: Resize | None,
) -> Placement:
    _, _, rows, columns = crop
    # Height and width in units of one pixel's width.
    height, width = rows * frame.aspect, float(columns)
    turned: Shape = (rows, columns)
    if orientation.transposed:
        height, width, turned = width, height, (columns, rows)
    if resize is None or (resize.size is None and resize.shortest_edge is None):
        _check_grid(turned)
        return Placement(frame.shape, crop, orientation, turned, (0, 0), turned)
    grid = resize.size
    if resize.shortest_edge is not None:
        scale = resize.shortest_edge / min(height, width)
        if resize.longest_edge is not None:
            scale = min(scale, resize.longest_edge / max(height, width))
        shape = _scaled(height, width, scale)
        grid = grid or shape
    elif grid is not None and resize.fit != "stretch":
        scales = grid[0] / height, grid[1] / width
        shape = _scaled(height, width, min(scales) if resize.fit == "pad" else max(scales))
    else:
        shape = grid = grid or turned
    # Above and to the left the lesser half: black of `pad`, cut off of `crop`.
    offset = (grid[0] - shape[0]) // 2, (grid[1] - shape[1]) // 2
    _check_grid(shape)
    return Placement(frame.shape, crop, orientation, shape, offset, grid)


def _scaled(height: float, width: float, scale: float) -> Shape:
    return max(1, round(height * scale)), max(1, round(width * scale))


def _check_grid(shape: Shape) -> None:
    if max(shape) > _GRID_AT_MOST:
        raise ImageRefused(
            f"The network would be shown {shape[1]} × {shape[0]} pixels; {_GRID_AT_MOST} along an"
            " edge are the most.",
            remedy="Name a resize in the model's card.",
        )


def _in_channels(values: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    if values.shape[2] == channels:
        return values
    if channels == 3:
        return np.repeat(values, 3, axis=2)
    return np.asarray(values @ _LUMINANCE, np.float32)[..., None]
