"""Films with a collimated border that is drawn: where the field ends is known."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


@dataclass(frozen=True)
class Film:
    """`values` (rows, columns), high where less exposed; `corners` (4, 2) as column and row."""

    values: NDArray[np.float32]
    inside: NDArray[np.bool_]
    corners: NDArray[np.float64]
    aspect: float

    @property
    def share(self) -> float:
        return float(self.inside.mean())


def drawn(
    rows: int = 240,
    columns: int = 200,
    *,
    degrees: float = 2.0,
    half: tuple[float, float] = (0.36, 0.36),
    centre: tuple[float, float] = (0.5, 0.5),
    border: float = 0.9,
    noise: float = 0.02,
    sharp: bool = False,
    aspect: float = 1.0,
) -> Film:
    """Stripes within a turned rectangle; `half` and `centre` are shares of the image's edges.

    The rectangle is one in millimetres: of pixels that are not square it becomes a parallelogram.
    `sharp`: blackened by a workstation, without noise and penumbra.
    """
    size = np.array([columns, rows * aspect])
    row, column = np.mgrid[0:rows, 0:columns] + 0.5
    x, y = column - centre[0] * size[0], row * aspect - centre[1] * size[1]
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    u, v = x * cosine + y * sine, y * cosine - x * sine
    wide, high = np.array(half) * size
    inside = (np.abs(u) < wide) & (np.abs(v) < high)
    body = 0.35 + 0.25 * np.exp(-((4 * u / wide) ** 2)) + 0.1 * np.sin(u / 17) * np.cos(v / 23)
    values = np.where(inside, body, border)
    grain = noise * np.random.default_rng(1).standard_normal(values.shape)
    if sharp:
        values = np.where(inside, values + grain, border)
    else:
        values = ndimage.gaussian_filter(values, 1.0) + grain
    at = np.array([(-wide, -high), (wide, -high), (wide, high), (-wide, high)])
    corners = at @ np.array([(cosine, sine), (-sine, cosine)]) + np.array(centre) * size
    return Film(values.astype(np.float32), inside, corners / (1.0, aspect), aspect)
