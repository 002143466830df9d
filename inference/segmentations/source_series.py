"""The series that somebody drew on: one regular stack of it, and its geometry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.geometry import Stack, stack_of
from inference.imaging.stacks import SeriesStack, stacks_of
from inference.imaging.volume import Volume
from inference.input_selection.fitting_instances import fitting_instances
from inference.refusals import VolumeRefused
from inference.results.masks.read import SliceKey
from inference.segmentations.entities import DrawnMasks
from storage.container.has import HasIndex, HasInstances
from storage.core.errors import InvalidRequest, LimitExceeded

VOXELS_AT_MOST = 500_000_000
"""Of a drawn segmentation on its whole stack: a byte each while it is written."""


class SourceStorage(HasIndex, HasInstances, Protocol):
    """What of the storage layer the series is read with."""


@dataclass(frozen=True)
class SourceStack:
    """`sources`: headers of the instances; `volume`: their grid, without grey values."""

    sources: Sequence[Dataset]
    volume: Volume

    @property
    def slices(self) -> tuple[SliceKey, ...]:
        volume = self.volume
        return tuple(zip(volume.sop_instance_uids, volume.frame_numbers, strict=True))


def source_stack(
    storage: SourceStorage,
    study_instance_uid: str,
    series_instance_uid: str,
    slices: Sequence[SliceKey],
) -> SourceStack:
    """The stack of the series that has all of these slices.

    Raises NotFound, InvalidRequest where no regular stack has them.
    """
    storage.index.series(study_instance_uid, series_instance_uid)
    instances = fitting_instances(
        storage.index, storage.instances, study_instance_uid, series_instance_uid
    )
    headers = storage.instances.headers(instances)
    # Documents that lie in the series have no planes.
    headers = [one for one in headers if one.get("Rows") and one.get("Columns")]
    wanted = set(slices)
    refused: VolumeRefused | None = None
    for part in stacks_of(headers) if headers else ():
        sources = part.of(headers)
        try:
            stack = stack_of(sources, part.frame_indices, tilted=True)
        except VolumeRefused as error:
            if _may_hold(part, sources, wanted):
                refused = error
            continue
        if wanted <= {(one.sop_instance_uid, one.frame_number) for one in stack.frames}:
            return SourceStack(sources, _volume(sources, stack, series_instance_uid))
    if refused is not None:
        raise InvalidRequest(
            f"Nothing can be segmented on this series. {refused.message}", remedy=refused.remedy
        ) from refused
    raise InvalidRequest(
        "No stack of the series has all the slices that the label map names.",
        remedy="Name SOPInstanceUID and frame number of images of one stack of the series.",
    )


def _may_hold(part: SeriesStack, sources: Sequence[Dataset], wanted: set[SliceKey]) -> bool:
    uids = {str(one.get("SOPInstanceUID", "")) for one in sources}
    return bool(uids & {uid for uid, _ in wanted})


def _volume(sources: Sequence[Dataset], stack: Stack, series_instance_uid: str) -> Volume:
    """The grid of a stack; its grey values are not read."""
    shape = (len(stack.frames), stack.rows, stack.columns)
    first = sources[stack.frames[0].instance_index]
    return Volume(
        voxels=np.broadcast_to(np.float32(np.nan), shape),
        lps_from_kji=stack.lps_from_kji,
        sop_instance_uids=tuple(one.sop_instance_uid for one in stack.frames),
        frame_numbers=tuple(one.frame_number for one in stack.frames),
        instance_indices=tuple(one.instance_index for one in stack.frames),
        frame_of_reference_uid=stack.frame_of_reference_uid,
        series_instance_uid=series_instance_uid,
        study_instance_uid=str(first.get("StudyInstanceUID", "")),
        modality=str(first.get("Modality", "")),
        photometric_interpretation=str(first.get("PhotometricInterpretation", "")),
        padding_ranges=np.full((len(stack.frames), 2), np.nan, np.float32),
    )


def on_stack(drawn: DrawnMasks, stack: SourceStack, count: int) -> NDArray[np.uint8]:
    """The masks on the whole stack: uint8, shape (slices, rows, columns).

    Raises InvalidRequest where slices, matrix or numbers do not fit, LimitExceeded.
    """
    shape = stack.volume.voxels.shape
    if drawn.values.shape[1:] != shape[1:]:
        raise InvalidRequest(
            f"The images have {shape[1]} rows and {shape[2]} columns; the label map has"
            f" {drawn.values.shape[1]} and {drawn.values.shape[2]}.",
            remedy="Send a label map of as many rows and columns.",
        )
    if len(set(drawn.slices)) < len(drawn.slices):
        raise InvalidRequest("A slice is named twice.", remedy="Name each slice once.")
    voxels = int(np.prod(shape, dtype=np.int64))
    if voxels > VOXELS_AT_MOST:
        raise LimitExceeded(
            f"The series has {voxels} voxels; {VOXELS_AT_MOST} can be segmented.",
            remedy="Segment a reconstruction of fewer or smaller slices.",
        )
    highest = int(drawn.values.max(initial=0))
    if highest > count:
        raise InvalidRequest(
            f"The label map holds the value {highest}, and there are {count} segments.",
            remedy="n stands for the nth segment, 0 for none.",
        )
    places = {key: k for k, key in enumerate(stack.slices)}
    masks = np.zeros(shape, np.uint8)
    for key, values in zip(drawn.slices, drawn.values, strict=True):
        masks[places[key]] = values
    return masks
