"""An image as pictures of its results show it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.single_images.preprocessing import NetworkInput


def shown(given: NetworkInput) -> NDArray[np.uint8]:
    """The whole image as its pixels were windowed for the network, for pictures."""
    values = np.where(given.frame.covered[..., None], given.frame.values, 0.0)
    rounded: NDArray[np.uint8] = np.rint(values * 255.0).astype(np.uint8)
    return rounded
