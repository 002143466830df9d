"""Where the pixels that a model sees lie in the image that was sent.

Coordinates are (column, row) with sub-pixel resolution: 0, 0 is the upper left corner of the
upper left pixel, 1, 1 its lower right corner (PS3.3 C.18.6.1.2, C.10.5.1.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Shape = tuple[int, int]
"""Rows, columns."""


@dataclass(frozen=True)
class Orientation:
    """Rows and columns changed for each other, then turned round: one of eight ways."""

    transposed: bool = False
    rows_reversed: bool = False
    columns_reversed: bool = False

    def applied(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """To an array of shape (rows, columns, ...)."""
        turned = image.swapaxes(0, 1) if self.transposed else image
        turned = turned[::-1] if self.rows_reversed else turned
        turned = turned[:, ::-1] if self.columns_reversed else turned
        return np.ascontiguousarray(turned)

    def undone(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """What `applied` was given."""
        turned = image[:, ::-1] if self.columns_reversed else image
        turned = turned[::-1] if self.rows_reversed else turned
        turned = turned.swapaxes(0, 1) if self.transposed else turned
        return np.ascontiguousarray(turned)


@dataclass(frozen=True)
class Placement:
    """Cropped, turned, resized, and put into the model's grid, in this order.

    `crop` is (first row, first column, rows, columns) of the image that was sent. `resized` is
    the shape that the turned crop was resized to; its upper left corner lies at `offset` (row,
    column) of the model's grid of shape `grid`, and beyond the grid it is cut off.
    """

    source: Shape
    crop: tuple[int, int, int, int]
    orientation: Orientation
    resized: Shape
    offset: tuple[int, int]
    grid: Shape

    @property
    def source_from_model(self) -> NDArray[np.float64]:
        """Homogeneous 3 × 3: (column, row, 1) of the model's grid to that of the image."""
        first_row, first_column, rows, columns = self.crop
        turned_rows, turned_columns = (
            (columns, rows) if self.orientation.transposed else (rows, columns)
        )
        turned_from_model = np.array(
            [
                [turned_columns / self.resized[1], 0.0, 0.0],
                [0.0, turned_rows / self.resized[0], 0.0],
                [0.0, 0.0, 1.0],
            ]
        ) @ _moved(-self.offset[1], -self.offset[0])
        crop_from_turned = np.eye(3)
        if self.orientation.columns_reversed:
            crop_from_turned = np.diag((-1.0, 1.0, 1.0)) @ crop_from_turned
            crop_from_turned[0, 2] += turned_columns
        if self.orientation.rows_reversed:
            crop_from_turned = np.diag((1.0, -1.0, 1.0)) @ crop_from_turned
            crop_from_turned[1, 2] += turned_rows
        if self.orientation.transposed:
            crop_from_turned = crop_from_turned[[1, 0, 2]]
        placed: NDArray[np.float64] = (
            _moved(first_column, first_row) @ crop_from_turned @ turned_from_model
        )
        return placed

    def points(self, model_points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (n, 2) of the model's grid in the image that was sent, within its borders."""
        homogeneous = np.column_stack([model_points, np.ones(len(model_points))])
        placed = homogeneous @ self.source_from_model[:2].T
        inside: NDArray[np.float64] = np.clip(placed, 0.0, [self.source[1], self.source[0]])
        return inside

    @property
    def window(self) -> tuple[int, int, int, int]:
        """The part of the model's grid that shows the image: top, left, bottom, right."""
        top, left = max(self.offset[0], 0), max(self.offset[1], 0)
        bottom = min(self.offset[0] + self.resized[0], self.grid[0])
        right = min(self.offset[1] + self.resized[1], self.grid[1])
        return top, left, bottom, right

    def onto_model(
        self, image: NDArray[np.float32], covered: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """An image (rows, columns, channels) on the model's grid, black around it.

        What is not `covered` is black, too. Bilinear, with a wider filter where it shrinks.
        """
        first_row, first_column, rows, columns = self.crop
        part = np.where(covered[..., None], image, np.float32(0.0))[
            first_row : first_row + rows, first_column : first_column + columns
        ]
        resized = _resized(self.orientation.applied(part), self.resized)
        grid = np.zeros((*self.grid, image.shape[2]), np.float32)
        top, left, bottom, right = self.window
        grid[top:bottom, left:right] = resized[
            top - self.offset[0] : bottom - self.offset[0],
            left - self.offset[1] : right - self.offset[1],
        ]
        return grid

    def onto_source(
        self, plane: NDArray[np.float32], outside: float = 0.0, *, smooth: bool = True
    ) -> NDArray[np.float32]:
        """What a model says over its whole grid, on the pixels of the image that was sent.

        `plane` (rows, columns) may be coarser than the model's grid; not `smooth`, its parts
        keep their edges. `outside` stands where the model saw nothing of the image.
        """
        fine = _resized(plane[..., None], self.grid, smooth=smooth)[..., 0]
        seen = np.full(self.resized, np.float32(outside))
        top, left, bottom, right = self.window
        seen[
            top - self.offset[0] : bottom - self.offset[0],
            left - self.offset[1] : right - self.offset[1],
        ] = fine[top:bottom, left:right]
        first_row, first_column, rows, columns = self.crop
        turned = (columns, rows) if self.orientation.transposed else (rows, columns)
        part = self.orientation.undone(_resized(seen[..., None], turned, smooth=smooth)[..., 0])
        whole = np.full(self.source, np.float32(outside))
        whole[first_row : first_row + rows, first_column : first_column + columns] = part
        return whole


def _moved(columns: float, rows: float) -> NDArray[np.float64]:
    matrix = np.eye(3)
    matrix[:2, 2] = columns, rows
    return matrix


def _resized(
    image: NDArray[np.float32], shape: Shape, *, smooth: bool = True
) -> NDArray[np.float32]:
    if image.shape[:2] == shape:
        return image
    how = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    channels = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(image[..., one])).resize((shape[1], shape[0]), how)
        )
        for one in range(image.shape[2])
    ]
    return np.stack(channels, axis=-1)
