"""One series and one interactive model, loaded for a session: points and a box in, a mask out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.bundles.prompts import Click
from inference.bundles.session import InteractiveSession as BundleSession
from inference.imaging.padding import without_not_imaged
from inference.imaging.volume import Volume
from inference.interactive.grid import grid_of, region_of
from inference.interactive.models import ClickModel
from storage.interactive.entities import Box, Point


class Clicking:
    """Raises what loading the model does (`inference.bundles.session`)."""

    def __init__(self, model: ClickModel, volume: Volume, threads: int) -> None:
        self._bundle = BundleSession(model.model, volume, threads)
        self._volume = volume
        self._grid = grid_of(volume)

    def mask(self, points: Sequence[Point], box: Box | None, structure: str) -> NDArray[np.bool_]:
        """The mask that these points and this box ask for: bool (slices, rows, columns).

        The models take no boxes. One is a limit that the node sets: nothing outside belongs to
        the mask, and where no point lies inside of the structure, its centre counts as one.
        Without either, and without a structure that the model finds by itself, the mask is empty.
        """
        clicks = [Click(one["lps_mm"], structure, one["inside"]) for one in points]
        region = None if box is None else region_of(box, self._grid)
        if box is not None and not any(one.inside for one in clicks):
            clicks.append(Click(_centre(box), structure))
        if not clicks:
            return np.zeros(self._volume.voxels.shape, np.bool_)
        found = self._bundle.segment(clicks, structure)
        found = without_not_imaged(found.astype(np.uint8), self._volume) > 0
        if region is None:
            return found
        limited = np.zeros_like(found)
        limited[region] = found[region]
        return limited


def _centre(box: Box) -> tuple[float, float, float]:
    x, y, z = (float(one) for one in np.mean(np.array(box), axis=0))
    return x, y, z
