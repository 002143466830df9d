"""The segment of a stored Segmentation with which an interactive model is to begin."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inference.imaging.volume import Volume
from inference.results.masks.read import read_segment
from storage.container.has import HasIndex, HasInstances
from storage.core.errors import InvalidRequest, NotFound
from storage.dicom.storage_classes import SEGMENTATION_CLASSES
from storage.dicom.value_errors import DAMAGED
from storage.interactive.entities import InitialMask

_TYPES = ("BINARY", "LABELMAP")


class InitialMaskStorage(HasIndex, HasInstances, Protocol):
    """What of the storage layer it is read with."""


class InitialMasks:
    """Of one session: the last is kept until another is wanted."""

    def __init__(self, storage: InitialMaskStorage) -> None:
        self._storage = storage
        self._last: tuple[InitialMask, NDArray[np.bool_]] | None = None

    def read(self, wanted: InitialMask | None, volume: Volume) -> NDArray[np.bool_] | None:
        """Raises as `read_initial_mask`."""
        if wanted is None:
            return None
        if self._last is None or self._last[0] != wanted:
            self._last = wanted, read_initial_mask(self._storage, volume, wanted)
        return self._last[1]


def read_initial_mask(
    storage: InitialMaskStorage, volume: Volume, wanted: InitialMask
) -> NDArray[np.bool_]:
    """On the grid of the series: bool (slices, rows, columns).

    Raises InvalidRequest naming what is in the way: it is not of the study, lies on other slices or
    elsewhere than they do, is fractional or empty.
    """
    uid, number = wanted["sop_instance_uid"], wanted["segment_number"]
    try:
        instance = storage.index.instance(uid)
    except NotFound:
        instance = None
    if (
        instance is None
        or instance.study_instance_uid != volume.study_instance_uid
        or instance.sop_class_uid not in SEGMENTATION_CLASSES
    ):
        raise _refused(f"The study has no Segmentation {uid}.")
    try:
        segmentation = storage.instances.dataset(instance)
        kind = str(segmentation.SegmentationType)
        if kind not in _TYPES:
            raise _refused(f"The Segmentation is {kind[:20]}, and a mask is wanted.")
        if number not in {int(one.SegmentNumber) for one in segmentation.SegmentSequence}:
            raise _refused(f"The Segmentation has no segment {number}.")
        size = (int(segmentation.Rows), int(segmentation.Columns))
        if size != volume.voxels.shape[1:]:
            raise _refused("The Segmentation has other rows and columns than the series.")
        # Of a series without one every Segmentation has its own, which then says nothing.
        frame_of_reference = str(segmentation.get("FrameOfReferenceUID") or "")
        if volume.frame_of_reference_uid not in ("", frame_of_reference):
            raise _refused("The Segmentation has another frame of reference than the series.")
        mask = read_segment(segmentation, volume, number)
    except DAMAGED as error:
        raise _refused(
            "The Segmentation does not say of which slices its frames are, and where they lie."
        ) from error
    if not mask.any():
        raise _refused(f"Segment {number} of the Segmentation is empty.")
    return mask


def _refused(why: str) -> InvalidRequest:
    return InvalidRequest(
        why, remedy="Choose a segment of a Segmentation of this series, or begin without one."
    )
