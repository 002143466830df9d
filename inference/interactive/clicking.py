"""One series and one interactive model, loaded for a session: what is shown in, a mask out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inference.bundles.prompts import Click
from inference.bundles.session import InteractiveSession as BundleSession
from inference.imaging.padding import without_not_imaged
from inference.imaging.volume import Volume
from inference.interactive.grid import grid_of, region_of
from inference.interactive.interaction_session import NninteractiveSession
from inference.interactive.interactions import no_initial_mask
from inference.interactive.models import ClickModel
from inference.nninteractive.description import NninteractiveDescription
from storage.core.errors import InvalidRequest
from storage.interactive.entities import Box, Point, Shape


class Clicking(Protocol):
    def mask(
        self,
        points: Sequence[Point],
        box: Box | None,
        shapes: Sequence[Shape],
        structure: str,
        initial: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.bool_]:
        """The mask that all of these ask for, beginning with an initial one: bool (slices, rows,
        columns); without any, and without a structure that the model finds by itself, empty."""


def clicking(model: ClickModel, volume: Volume, threads: int) -> Clicking:
    """Raises what loading the model does (`inference.bundles.session`, `.interaction_session`)."""
    if isinstance(model.model, NninteractiveDescription):
        return _OfNninteractive(model.model, volume, threads)
    return _OfBundle(model, volume, threads)


class _OfNninteractive:
    """It knows no structures: a name is that under which the mask is saved."""

    def __init__(self, model: NninteractiveDescription, volume: Volume, threads: int) -> None:
        self._session = NninteractiveSession(model, volume, threads)
        self._volume = volume

    def mask(
        self,
        points: Sequence[Point],
        box: Box | None,
        shapes: Sequence[Shape],
        structure: str,
        initial: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.bool_]:
        found = self._session.segment(points, box, shapes, initial)
        return without_not_imaged(found.astype(np.uint8), self._volume) > 0


class _OfBundle:
    """The models take no boxes. One is a limit that the node sets: nothing outside belongs to the
    mask, and where no point lies inside of the structure, its centre counts as one."""

    def __init__(self, model: ClickModel, volume: Volume, threads: int) -> None:
        self._bundle = BundleSession(model.model, volume, threads)
        self._volume = volume
        self._title = model.title
        self._grid = grid_of(volume)

    def mask(
        self,
        points: Sequence[Point],
        box: Box | None,
        shapes: Sequence[Shape],
        structure: str,
        initial: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.bool_]:
        if initial is not None:
            raise no_initial_mask(self._title)
        if shapes:
            raise InvalidRequest(
                f"The model takes points and one box, and no {shapes[0]['kind']} among shapes.",
                remedy="Leave shapes out, or use a model of nnInteractive.",
            )
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
