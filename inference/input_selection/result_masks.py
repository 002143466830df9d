"""What another pipeline found as a volume: its mask on the grid of the series it was found in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from inference.imaging.geometry import Stack, stack_of
from inference.imaging.stacks import stacks_of
from inference.imaging.volume import Volume
from inference.input_selection.result_inputs import ChosenResult
from inference.pipeline import ResultWanted
from inference.refusals import VolumeRefused
from inference.results.masks.read import SliceKey, read_masks, slices_named_in
from storage.core.entities import Instance
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader

RESULT_MODALITY = "SEG"
_REMEDY = "Have the series analysed again, and then the pipeline that takes the result."


@dataclass(frozen=True)
class LoadedResult:
    """`evidence`: the Segmentation without its pixels, or of findings the report, where there is
    one; `volume` is None of findings. `stored` is where the Segmentation is."""

    chosen: ChosenResult
    volume: Volume | None
    evidence: Dataset | None
    stored: Instance | None = None


def load_result(index: Index, instance_reader: InstanceReader, one: ChosenResult) -> LoadedResult:
    """The mask of all segments that are meant, with the values that the card wants; or findings.

    Raises VolumeRefused, InvalidRequest where the mask lies on other slices than its series has.
    """
    if not one.segments:
        return load_findings(index, instance_reader, one)
    first = one.segments[0]
    held = index.instances_of(one.job.study_instance_uid, first.series_instance_uid)
    stored = next((it for it in held if it.sop_instance_uid == first.sop_instance_uid), None)
    if stored is None:
        raise VolumeRefused(f"The Segmentation by {one.name} is not here.", remedy=_REMEDY)
    segmentation = instance_reader.dataset(stored)
    sources = index.instances_of(one.job.study_instance_uid, one.series.series_instance_uid)
    headers = instance_reader.headers(sources)
    stack = _stack_with(headers, slices_named_in(segmentation), one)
    slices = [(frame.sop_instance_uid, frame.frame_number) for frame in stack.frames]
    masks = read_masks(segmentation, slices)
    inside = np.zeros((len(slices), stack.rows, stack.columns), np.bool_)
    for segment in one.segments:
        for k in range(len(slices)):
            inside[k] |= masks.plane(segment.segment_number, k)
    values = (one.role.result_of or ResultWanted()).values
    voxels = np.where(inside, np.float32(values[1]), np.float32(values[0]))
    for keyword in ("PixelData", "FloatPixelData"):
        if keyword in segmentation:
            del segmentation[keyword]
    volume = Volume(
        voxels=voxels,
        lps_from_kji=stack.lps_from_kji,
        sop_instance_uids=tuple(frame.sop_instance_uid for frame in stack.frames),
        frame_numbers=tuple(frame.frame_number for frame in stack.frames),
        instance_indices=tuple(frame.instance_index for frame in stack.frames),
        frame_of_reference_uid=stack.frame_of_reference_uid,
        series_instance_uid=one.series.series_instance_uid,
        study_instance_uid=one.job.study_instance_uid,
        modality=RESULT_MODALITY,
        photometric_interpretation="MONOCHROME2",
        padding_ranges=np.full((len(slices), 2), np.nan, np.float32),
    )
    return LoadedResult(one, volume, segmentation, stored)


def load_findings(index: Index, instance_reader: InstanceReader, one: ChosenResult) -> LoadedResult:
    """Findings are in the database; the report that states them is the evidence."""
    job = one.job
    for made in job.result.get("instances", []):
        if made["kind"] == "SR":
            held = index.instances_of(job.study_instance_uid, made["series_instance_uid"])
            for stored in held:
                if stored.sop_instance_uid == made["sop_instance_uid"]:
                    return LoadedResult(one, None, instance_reader.header(stored))
    return LoadedResult(one, None, None)


def _stack_with(headers: Sequence[Dataset], named: set[SliceKey], one: ChosenResult) -> Stack:
    """Of the stacks of the series that which holds all slices of the mask."""
    for of_series in stacks_of(headers):
        try:
            stack = stack_of(of_series.of(headers), of_series.frame_indices, tilted=True)
        except VolumeRefused:
            continue
        if named <= {(frame.sop_instance_uid, frame.frame_number) for frame in stack.frames}:
            return stack
    raise VolumeRefused(
        f"The mask by {one.name} lies on other slices than the series has now.", remedy=_REMEDY
    )
