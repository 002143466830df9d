"""What a container marked on another of its series than the reference, brought onto that."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.containers.masks import Masks
from inference.imaging.label_counts import voxels_of_values
from inference.imaging.registration.resampling import grid_from_grid
from inference.imaging.volume import Volume
from inference.pipeline import Segment


@dataclass(frozen=True)
class OtherSeries:
    """An input beside the reference.

    `volume`: where it lies by its own headers; `placed`: of one that was registered, where it lies
    in the reference's space.
    """

    title: str
    volume: Volume
    placed: Volume | None = None

    @property
    def on_reference(self) -> Volume:
        return self.placed or self.volume


@dataclass(frozen=True)
class MarkedElsewhere:
    """A segment that a container marked on another series, and how large it is there."""

    segment: Segment
    """The very one among the masks of the run, where it shows on the reference."""
    series: str
    volume_mm3: float
    shows: bool
    is_registered: bool = False


def series_of(segmentation: Dataset, others: Sequence[OtherSeries]) -> OtherSeries | None:
    """The other series whose images a segmentation refers to; None: it is of the reference, or of
    nothing that was given."""
    frames = segmentation.PerFrameFunctionalGroupsSequence
    derived = frames[0].get("DerivationImageSequence") or (
        segmentation.SharedFunctionalGroupsSequence[0].get("DerivationImageSequence")
    )
    if not derived:
        return None
    uid = str(derived[0].SourceImageSequence[0].ReferencedSOPInstanceUID)
    return next((one for one in others if uid in one.volume.sop_instance_uids), None)


def onto_reference(
    masks: Masks, one: OtherSeries, reference: Volume
) -> tuple[Masks, list[MarkedElsewhere]]:
    """The masks on the grid of the reference, nearest voxel; and of each segment that was marked
    its size where it was."""
    counts = _counts(masks)
    # Each is known again by itself: a segment of the reference may be called the same.
    segments = tuple(replace(segment) for segment in masks.segments)
    array = _resampled(masks.array, one.on_reference, reference)
    moved = Masks(segments, array)
    shown = _counts(moved)
    return moved, [
        MarkedElsewhere(
            segment,
            one.title,
            float(count) * one.volume.voxel_volume_mm3,
            bool(shown[number]),
            one.placed is not None,
        )
        for number, (segment, count) in enumerate(zip(segments, counts, strict=True))
        if count
    ]


def notes_of(elsewhere: Sequence[MarkedElsewhere], reference: str) -> tuple[str, ...]:
    """How what was marked elsewhere is shown, in sentences."""
    return tuple(
        f"{one.segment.label} was marked on {one.series}, where its volume was measured;"
        + (
            f" it is shown on {reference},{' by its registration,' if one.is_registered else ''}"
            " nearest voxel."
            if one.shows
            else f" no voxel of {reference} lies in it, so it is not shown."
        )
        for one in elsewhere
    )


def _counts(masks: Masks) -> NDArray[np.integer[Any]]:
    if masks.array.ndim == 4:
        counted: NDArray[np.integer[Any]] = np.count_nonzero(masks.array, axis=(0, 1, 2))
        return counted
    return voxels_of_values(masks.array, len(masks.segments))[1:]


def _resampled(array: NDArray[Any], volume: Volume, reference: Volume) -> NDArray[Any]:
    from scipy import ndimage

    own_from_reference = grid_from_grid(volume, reference)

    def moved(mask: NDArray[Any]) -> NDArray[Any]:
        found: NDArray[Any] = ndimage.affine_transform(
            mask,
            own_from_reference[:3, :3],
            own_from_reference[:3, 3],
            output_shape=reference.voxels.shape,
            order=0,
            mode="grid-constant",
        )
        return found

    if array.ndim == 3:
        return moved(array)
    channels = np.moveaxis(array, -1, 0).astype(np.uint8)
    return np.stack([moved(one) > 0 for one in channels], axis=-1)
