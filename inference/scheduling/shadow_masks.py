"""How far masks and boxes of a shadow lie where those of the active version lie: Dice."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset

from inference.evaluation.cases import BadCase, truth_of_seg
from inference.evaluation.measures import Mask, dice_of
from inference.imaging.volume import Volume
from inference.pipeline import ImageResult, PipelineOutput
from storage.core.entities import Job
from storage.core.errors import NotFound
from storage.core.findings import Finding
from storage.core.sources import is_own
from storage.dicom.dataset_reader import read_part10
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader

_Plane = tuple[str, int]
"""Label of a segment, and number of the frame; 0 of an image of one."""
_Corners = Iterable[tuple[float, float]]


def dice_by_segment(
    instance_index: Index,
    instances: InstanceReader,
    active: Job,
    output: PipelineOutput,
    volume: Volume,
) -> dict[str, float]:
    """By segment of the active version; 0 where the shadow has none such."""
    seg = next(_segmentations(instance_index, instances, active), None)
    try:
        truth = None if seg is None else truth_of_seg(seg)
    except BadCase:
        truth = None
    if truth is None:
        return {}
    found = {}
    for segment in truth.segments:
        index = next((n for n, one in enumerate(output.segments) if segment.is_that_of(one)), None)
        theirs = truth.on_grid(segment, volume)
        found[segment.label] = 0.0 if index is None else dice_of(output.mask(index), theirs)
    return found


def dice_in_images(
    instance_index: Index,
    instances: InstanceReader,
    active: Job,
    findings: Sequence[Finding],
    output: PipelineOutput,
) -> dict[str, float]:
    """By segment and by kind of box, over all images together; of the active version those that it
    found in any."""
    overlaps: dict[str, _Overlap] = defaultdict(_Overlap)
    marked: dict[str, dict[_Plane, Mask]] = defaultdict(dict)
    for seg in _segmentations(instance_index, instances, active):
        for uid, plane, mask in _planes_of_seg(seg):
            marked[uid][plane] = mask
    for image in output.images:
        theirs = marked[image.sop_instance_uid]
        ours = _planes_of(image)
        for key in theirs.keys() | ours.keys():
            overlaps[key[0]].add(ours.get(key), theirs.get(key))
        for label, found, active_ones in _boxes(image, findings):
            overlaps[label].add(found, active_ones)
    return {label: one.dice for label, one in overlaps.items() if one.is_of_active}


class _Overlap:
    def __init__(self) -> None:
        self._both = self._sum = 0
        self.is_of_active = False

    def add(self, ours: Mask | None, theirs: Mask | None) -> None:
        for one in (ours, theirs):
            self._sum += 0 if one is None else int(np.count_nonzero(one))
        if theirs is not None:
            self.is_of_active |= bool(theirs.any())
        if ours is not None and theirs is not None:
            # Of another shape: one of the two was made of other frames.
            self._both += int(np.count_nonzero(ours & theirs)) if ours.shape == theirs.shape else 0

    @property
    def dice(self) -> float:
        return 2.0 * self._both / self._sum


def _segmentations(index: Index, instances: InstanceReader, active: Job) -> Iterator[Dataset]:
    for made in active.result.get("instances", []):
        if made.get("kind") != "SEG":
            continue
        try:
            instance = index.instance(str(made["sop_instance_uid"]))
            if is_own(instance.source):
                yield read_part10(BytesIO(instances.read(instance)))
        except NotFound:
            continue


def _planes_of(image: ImageResult) -> dict[_Plane, Mask]:
    found: dict[_Plane, Mask] = {}
    for index, segment in enumerate(image.segments):
        mask = image.mask(index)
        planes = zip(image.frame_numbers, mask, strict=True) if image.frame_numbers else [(0, mask)]
        found |= {(segment.label, number): plane for number, plane in planes}
    return found


def _planes_of_seg(seg: Dataset) -> Iterator[tuple[str, _Plane, Mask]]:
    """Each frame with the UID of the image that it lies on."""
    labels = {int(one.SegmentNumber): str(one.SegmentLabel) for one in seg.SegmentSequence}
    frames: NDArray[np.uint8] = seg.pixel_array
    for mask, group in zip(
        frames[None] if frames.ndim == 2 else frames,
        seg.PerFrameFunctionalGroupsSequence,
        strict=True,
    ):
        (identified,) = _stated(seg, group, "SegmentIdentificationSequence")
        segment = int(identified.ReferencedSegmentNumber)
        source = _stated(seg, group, "DerivationImageSequence")[0].SourceImageSequence[0]
        plane = labels[segment], int(source.get("ReferencedFrameNumber") or 0)
        yield str(source.ReferencedSOPInstanceUID), plane, mask > 0


def _stated(seg: Dataset, group: Dataset, keyword: str) -> Sequence[Dataset]:
    """Of a frame, or of all frames (PS3.3 C.7.6.16.1.1)."""
    found: Sequence[Dataset] = (
        group.get(keyword) or seg.SharedFunctionalGroupsSequence[0].get(keyword) or ()
    )
    return found


def _boxes(image: ImageResult, findings: Sequence[Finding]) -> Iterator[tuple[str, Mask, Mask]]:
    """By what is in them the boxes of both in one image, whatever their frame."""
    theirs: dict[str, list[_Corners]] = defaultdict(list)
    for one in findings:
        at = one.image
        if at is not None and at.sop_instance_uid == image.sop_instance_uid and at.points:
            theirs[one.code.meaning].append(at.points)
    ours: dict[str, list[_Corners]] = defaultdict(list)
    for box in image.boxes:
        ours[box.code.meaning].append(box.corners)
    rows, columns = image.shown.shape[:2]
    for label in theirs.keys() | ours.keys():
        yield label, _filled(ours[label], rows, columns), _filled(theirs[label], rows, columns)


def _filled(boxes: Sequence[_Corners], rows: int, columns: int) -> Mask:
    plane = Image.new("1", (columns, rows))
    for corners in boxes:
        points = [(x, y) for x, y in corners]
        if len(points) > 2:
            ImageDraw.Draw(plane).polygon(points, fill=1)
    return np.asarray(plane, np.bool_)
