"""Segmentations of readers: saved as versions that follow each other, and listed.

A version stands in the series of the one before, and only the last of a series counts.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import structlog
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.annotations.storing import check_still_there, keep, stale
from inference.result_identity import local_time
from inference.results.author import Author
from inference.results.masks.read import read_segments
from inference.segmentations.entities import (
    DESCRIPTION_SUFFIX,
    SHORT_TOOLS,
    Aid,
    DrawnMasks,
    DrawnSegment,
    SavedSegment,
    SavedSegmentation,
)
from inference.segmentations.source_series import SourceStack, on_stack, source_stack
from storage.container.has import (
    HasDeletions,
    HasDeliveries,
    HasGenerated,
    HasIndex,
    HasInstances,
    HasPeers,
)
from storage.core.clock import utcnow
from storage.core.entities import Instance
from storage.core.errors import InvalidRequest
from storage.core.sources import is_of_reader, of_reader
from storage.core.uids import UidScheme, new_uid
from storage.dicom.storage_classes import SEGMENTATION_CLASSES
from storage.dicom.value_errors import DAMAGED
from storage.index.repository import Index
from storage.ingest.generated import GeneratedInstances
from storage.integrity.instance_reader import InstanceReader

log = structlog.get_logger(__name__)


class SegmentationStorage(
    HasIndex, HasInstances, HasGenerated, HasPeers, HasDeliveries, HasDeletions, Protocol
):
    """What of the storage layer a segmentation is saved with."""


def save_segmentation(
    storage: SegmentationStorage,
    study_instance_uid: str,
    series_instance_uid: str,
    segments: Sequence[DrawnSegment],
    drawn: DrawnMasks,
    author: Author,
    *,
    title: str,
    predecessor_uid: str = "",
    with_structure_set: bool = False,
) -> SavedSegmentation:
    """Store a new Segmentation, in place of `predecessor_uid` where one is named.

    Raises NotFound, InvalidRequest, LimitExceeded, UidConflict for a stale predecessor.
    """
    # What encodes is large, and few processes need it.
    from inference.segmentations.seg import Identity, encode_contours, encode_segmentation

    stack = source_stack(storage, study_instance_uid, series_instance_uid, drawn.slices)
    masks = on_stack(drawn, stack, len(segments))
    counts = np.bincount(masks.ravel(), minlength=len(segments) + 1)
    _check_none_empty(segments, counts)
    earlier = _versions_before(
        storage.index, storage.instances, study_instance_uid, series_instance_uid, predecessor_uid
    )
    predecessor = storage.instances.header(earlier[-1]) if earlier else None
    helped = _aids_before(predecessor)
    tracked = [
        replace(
            one,
            tracking_uid=one.tracking_uid or new_uid(),
            aids=tuple(dict.fromkeys((*helped.get(one.tracking_uid, ()), *one.aids))),
        )
        for one in segments
    ]
    series_uid = earlier[-1].series_instance_uid if earlier else new_uid()
    number = int(predecessor.get("InstanceNumber") or 1) + 1 if predecessor is not None else 1
    identity = Identity(
        series_uid, _uid(storage.generated, "segmentation", series_uid, number), number
    )
    at = local_time(utcnow(), stack.sources[0])
    segmentation = encode_segmentation(
        stack, masks, tracked, author, at, identity, title=title, predecessor=predecessor
    )
    contours = None
    if with_structure_set:
        contours = encode_contours(
            stack,
            masks,
            tracked,
            at,
            Identity(new_uid(), _uid(storage.generated, "contours", series_uid, number), number),
            title=title,
        )
    source = of_reader(author.name)
    instance = keep(storage.deliveries, storage.generated, storage.peers, segmentation, source)
    kept = [instance]
    if contours is not None:
        kept.append(keep(storage.deliveries, storage.generated, storage.peers, contours, source))
    segmented = {uid for uid, _ in stack.slices}
    check_still_there(storage.deletions, storage.index, segmented, *kept)
    saved = _saved(segmentation, instance, [one.sop_instance_uid for one in earlier])
    return replace(
        saved,
        segments=_measured(saved.segments, counts, stack),
        structure_set_uid="" if contours is None else str(contours.SOPInstanceUID),
    )


def saved_segmentations(
    index: Index, instances: InstanceReader, study_instance_uid: str
) -> list[SavedSegmentation]:
    """The newest version of each that readers drew in the study; oldest first."""
    found = []
    for versions in _of_readers(index, study_instance_uid).values():
        try:
            read = [(instances.header(one), one) for one in versions]
            read.sort(key=lambda one: int(one[0].get("InstanceNumber") or 0))
            header, instance = read[-1]
            replaced = [one.sop_instance_uid for _, one in read[:-1]]
            found.append(_saved(header, instance, replaced))
        except DAMAGED:
            log.warning(
                "segmentation_unreadable", series_instance_uid=versions[0].series_instance_uid
            )
    return sorted(found, key=lambda one: one.saved_at)


def _of_readers(index: Index, study_instance_uid: str) -> dict[str, list[Instance]]:
    """The Segmentations that readers drew, by their series."""
    found: dict[str, list[Instance]] = defaultdict(list)
    for one in index.instances_of(study_instance_uid):
        if one.sop_class_uid in SEGMENTATION_CLASSES and is_of_reader(one.source):
            found[one.series_instance_uid].append(one)
    return found


def _versions_before(
    index: Index,
    instances: InstanceReader,
    study_instance_uid: str,
    source_series_instance_uid: str,
    predecessor_uid: str,
) -> list[Instance]:
    """All that a new version takes the place of, the last one last; none for the first."""
    if not predecessor_uid:
        return []
    for one in saved_segmentations(index, instances, study_instance_uid):
        if predecessor_uid in one.replaced:
            raise stale()
        if predecessor_uid != one.sop_instance_uid:
            continue
        if one.source_series_instance_uid != source_series_instance_uid:
            raise InvalidRequest(
                "The version before lies on another series.",
                remedy="Leave the predecessor out, and a segmentation of its own is saved.",
            )
        return [index.instance(uid) for uid in (*one.replaced, predecessor_uid)]
    raise InvalidRequest(
        f"{predecessor_uid} is no segmentation that a reader of this study drew here.",
        remedy="Leave the predecessor out, and a segmentation of its own is saved.",
    )


def _aids_before(predecessor: Dataset | None) -> dict[str, tuple[Aid, ...]]:
    """What the segments of the version before were drawn with, by their tracking UIDs."""
    segments = () if predecessor is None else predecessor.SegmentSequence
    return {
        str(one.TrackingUID): tuple(
            aid
            for aid, word in SHORT_TOOLS.items()
            if word in str(one.get("SegmentAlgorithmName") or "")
        )
        # Which tools of the hand it were is not stated.
        or ("BRUSH",)
        for one in segments
        if one.get("TrackingUID")
    }


def _uid(generated: GeneratedInstances, kind: str, series_instance_uid: str, number: int) -> str:
    """The same for all who follow upon one version, so that only one of them gets in."""

    def uids_of(scheme: UidScheme) -> list[str]:
        return [scheme.derive(kind, series_instance_uid, str(number))]

    return uids_of(generated.scheme(uids_of))[0]


def _check_none_empty(segments: Sequence[DrawnSegment], counts: NDArray[np.int64]) -> None:
    for number, one in enumerate(segments, start=1):
        if not counts[number]:
            raise InvalidRequest(
                f"Segment {number} ({one.label}) has no voxel.",
                remedy="Draw it, or leave it out.",
            )


def _saved(header: Dataset, instance: Instance, replaced: Sequence[str]) -> SavedSegmentation:
    series = header.get("ReferencedSeriesSequence") or ()
    return SavedSegmentation(
        sop_instance_uid=instance.sop_instance_uid,
        series_instance_uid=instance.series_instance_uid,
        source_series_instance_uid=str(series[0].SeriesInstanceUID) if series else "",
        title=str(header.get("SeriesDescription") or "").removesuffix(DESCRIPTION_SUFFIX),
        author=str(header.get("ContentCreatorName") or ""),
        version=int(header.get("InstanceNumber") or 1),
        saved_at=instance.received_at,
        segments=tuple(
            SavedSegment(one.label, one.type, one.color_rgb, one.laterality, one.tracking_uid)
            for one in read_segments(header, {})
        ),
        replaced=tuple(replaced),
    )


def _measured(
    segments: Sequence[SavedSegment], counts: NDArray[np.int64], stack: SourceStack
) -> tuple[SavedSegment, ...]:
    """Volumes by the determinant of the grid, so that a sheared or oblique one counts rightly."""
    each_mm3 = stack.volume.voxel_volume_mm3
    return tuple(
        replace(one, voxels=int(count), volume_mm3=float(count) * each_mm3)
        for one, count in zip(segments, counts[1:], strict=True)
    )
