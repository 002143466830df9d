"""A model of nnInteractive and one series: what is shown in, a mask back.

nnInteractive goes by the order of what it was shown, and by its own last answer. So it is shown
what is new on top of what it has seen; where something was taken back it is set back, or begins
again with what is left, in the order in which that came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from nibabel.orientations import (
    apply_orientation,
    axcodes2ornt,
    inv_ornt_aff,
    io_orientation,
    ornt_transform,
)
from numpy.typing import NDArray

from inference.imaging.directions import RAS_FROM_LPS
from inference.imaging.volume import Volume
from inference.interactive.grid import grid_of
from inference.interactive.interactions import Interaction, initial_of, interactions_of
from inference.models.devices import (
    MemoryExhausted,
    device,
    free_memory_text,
    is_out_of_memory,
)
from inference.nninteractive.description import NninteractiveDescription
from inference.nninteractive.loading import REMEDY, load_model, new_session, package_at_work
from inference.nnunet.card import AS_SENT
from inference.refusals import ModelUnusable, VolumeRefused
from storage.core.errors import MediViewError
from storage.interactive.entities import Box, Grid, Point, Shape


class NninteractiveSession:
    """Raises ModelUnusable where the model cannot be loaded, VolumeRefused for a blank series."""

    def __init__(self, model: NninteractiveDescription, volume: Volume, threads: int) -> None:
        if not np.ptp(volume.voxels):
            raise VolumeRefused("The series has the same value everywhere.")
        self._model, self._threads = model, threads
        self._voxels, self._grid, turns = _seen(volume, model.orientation)
        self._there = None if turns is None else turns[0]
        self._back = None if turns is None else turns[1]
        self._device = ""
        self._session: Any = None
        self._shown: list[Interaction] = []
        self._open()

    def segment(
        self,
        points: Sequence[Point],
        box: Box | None,
        shapes: Sequence[Shape],
        initial: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.bool_]:
        """The mask on the grid of the series: bool (slices, rows, columns). `initial`: the mask to
        begin with, likewise.

        Raises InvalidRequest for what the model is not made for; ModelUnusable.
        """
        wanted = interactions_of(points, box, shapes, self._grid, self._model.info)
        if initial is not None:
            seen = initial if self._there is None else apply_orientation(initial.T, self._there).T
            wanted.insert(0, initial_of(seen, self._model.info, self._model.title))
        # After memory ran out once, the CPU stays.
        if self._session is None or (device() == "cpu" and self._device != "cpu"):
            self._open()
        try:
            with package_at_work():
                self._show(wanted)
        except Exception as error:
            self._session = None
            if is_out_of_memory(error):
                raise self._exhausted() from None
            if isinstance(error, MediViewError):
                raise
            raise ModelUnusable(
                f"The model {self._model.name} failed at this series ({type(error).__name__}).",
                remedy=REMEDY,
            ) from error
        found: NDArray[np.bool_] = self._session.target_buffer > 0
        if self._back is not None:
            found = apply_orientation(found.T, self._back).T
        return found.copy()

    def _exhausted(self) -> MemoryExhausted:
        patch, volume = (
            " × ".join(str(size) for size in sizes)
            for sizes in (self._model.planned.patch_size, self._voxels.shape)
        )
        return MemoryExhausted(
            f"{self._model.title} computes patches of {patch} voxels in a volume of {volume}, and"
            f" takes no others. Memory does not suffice: {free_memory_text()}.",
            smaller_tiles_help=False,
        )

    def _open(self) -> None:
        loaded = load_model(self._model, self._threads)
        with package_at_work():
            session = new_session()
            session.initialize_from_loaded_artifacts(loaded.artifacts)
            session.set_image(self._voxels[None])
            session.set_target_buffer(np.zeros(self._voxels.shape, np.uint8))
            # What it does beside this thread prints as well, and may fail.
            session._finish_preprocessing_and_initialize_interactions()
        self._session, self._device, self._shown = session, device(), []

    def _show(self, wanted: Sequence[Interaction]) -> None:
        left = list(wanted)
        kept = []
        for one in self._shown:
            if one in left:
                left.remove(one)
                kept.append(one)
        # A mask to begin with sets back what was shown before it.
        if kept and any(one.kind == "initial" for one in left):
            kept, left = [], list(wanted)
        if kept != self._shown:
            if kept != self._shown[:-1] or not self._session.undo():
                self._session.reset_interactions()
                left, kept = [*kept, *left], []
            self._shown = kept
        for one in left:
            self._add(one)
            self._shown.append(one)

    def _add(self, one: Interaction) -> None:
        session = self._session
        edges = [list(pair) for pair in one.edges]
        if one.kind == "point":
            session.add_point_interaction(tuple(low for low, _ in one.edges), one.inside)
        elif one.kind == "box":
            session.add_bbox_interaction(edges, one.inside)
        elif one.kind == "initial":
            session.add_initial_seg_interaction(one.mask)
        elif one.kind == "scribble":
            session.add_scribble_interaction(one.mask, one.inside, interaction_bbox=edges)
        else:
            session.add_lasso_interaction(one.mask, one.inside, interaction_bbox=edges)


def _seen(
    volume: Volume, orientation: str
) -> tuple[NDArray[np.float32], Grid, tuple[NDArray[np.float64], NDArray[np.float64]] | None]:
    """The voxels as the model sees them (z, y, x), where these lie, and how (x, y, z) are turned
    there and back. Spacing is nothing to nnInteractive."""
    if orientation == AS_SENT:
        return volume.voxels, grid_of(volume), None
    lps_from_ijk = volume.lps_from_kji[:, [2, 1, 0, 3]]
    source = io_orientation(RAS_FROM_LPS @ lps_from_ijk)
    target = axcodes2ornt(tuple(orientation))
    there, back = ornt_transform(source, target), ornt_transform(target, source)
    voxels = np.ascontiguousarray(apply_orientation(volume.voxels.T, there).T)
    lps_from_xyz = lps_from_ijk @ inv_ornt_aff(there, volume.voxels.T.shape)
    turned = replace(volume, voxels=voxels, lps_from_kji=lps_from_xyz[:, [2, 1, 0, 3]])
    return voxels, {**grid_of(turned), "sources": []}, (there, back)
