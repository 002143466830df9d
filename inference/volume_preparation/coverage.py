"""Whether the images show all of a structure: judged by the model's own masks.

A structure that reaches the first or last imaged slice, a side of the slices, or the padding around
the reconstructed circle of a CT goes on where nothing was imaged. What is measured of it is
truncated: the size of a part, which is no size of the structure.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.imaging.connected_parts import connected_parts
from inference.imaging.directions import direction_of, in_words
from inference.imaging.padding import not_imaged
from inference.imaging.volume import Volume
from inference.pipeline import (
    Measurement,
    Passage,
    Pipeline,
    PipelineContext,
    PipelineOutput,
)
from inference.refusals import NotCovered
from inference.volume_preparation.empty_slices import imaged_slices, in_all_slices, run_on_slices
from inference.volume_preparation.map_checks import check_maps
from inference.volume_preparation.surfaces import with_surfaces
from storage.core.caveats import Caveat
from storage.core.findings import Direction, Validity

COMPLETE = Validity("complete")
_Box = tuple[slice, slice, slice]

# Parts of a mask smaller than this share of it are strays of the model, not the structure.
_LEAST_SHARE = 0.02
# A contact below this share of the structure's own cross-section (volume to the power of 2/3)
# is noise of the mask: 40 mm2 for lungs of 2.8 l, less than a pixel for a hippocampus.
_LEAST_CONTACT = 0.002


def run_with_coverage(pipeline: Pipeline, context: PipelineContext) -> PipelineOutput:
    """Run a pipeline, and state of each measurement whether its structure is complete.

    Raises NotCovered where the pipeline's card refuses truncated structures.
    """
    if context.volume is None:
        return pipeline.run(context)
    imaged = imaged_slices(context.volume)
    output, volume = run_on_slices(pipeline, context, context.volume, imaged)
    check_maps(pipeline, output, volume)
    judged = with_validity(pipeline, output, volume)
    return in_all_slices(judged, imaged, context.volume.voxels.shape[0])


def with_validity(
    pipeline: Pipeline, output: PipelineOutput, volume: Volume, by_hand: Set[int] = frozenset()
) -> PipelineOutput:
    """The output with the validity of each measurement; totals of truncated parts are left out.

    Masks lie on the grid of `volume`. `by_hand`: segments that a person has drawn. Raises
    NotCovered where the card says so.
    """
    passages: Mapping[str, Passage] = getattr(pipeline, "passages", {})
    margin_mm: float = getattr(pipeline, "edge_margin_mm", 0.0)
    cut_off = cut_off_segments(output, volume, passages, margin_mm)
    judged = [_judged(one, cut_off) for one in output.measurements]
    kept = tuple(one for one in judged if one is not None)
    truncated = [one for one in kept if one.validity and one.validity.state == "truncated"]
    if pipeline.card.on_truncation == "refuse" and (cut_off or truncated):
        raise NotCovered(_refusal(pipeline, output, cut_off, truncated), remedy=_REMEDY)
    left_out = [
        one.label for one, now in zip(output.measurements, judged, strict=True) if now is None
    ]
    output = replace(output, measurements=kept, notes=(*output.notes, *_notes(left_out)))
    return with_surfaces(pipeline, output, volume, by_hand)


def with_caveat(output: PipelineOutput, caveat: Caveat | None) -> PipelineOutput:
    """The output with what holds for all of its measurements and answers; None changes nothing."""
    if caveat is None or caveat in output.caveats:
        return output

    def caveated(measurement: Measurement) -> Measurement:
        validity = measurement.validity or COMPLETE
        if caveat in validity.caveats:
            return measurement
        validity = replace(validity, caveats=(*validity.caveats, caveat))
        return replace(measurement, validity=validity)

    return replace(
        output,
        measurements=tuple(map(caveated, output.measurements)),
        caveats=(*output.caveats, caveat),
        notes=(*output.notes, caveat.text),
    )


def cut_off_segments(
    output: PipelineOutput,
    volume: Volume,
    passages: Mapping[str, Passage],
    margin_mm: float = 0.0,
) -> dict[int, tuple[Direction, ...]]:
    """By index of the segment: where the images cut it off; complete ones are left out.

    `passages`: by label of the segment. `margin_mm`: how far from the edge a mask may end though
    the structure goes on.
    """
    if output.masks is None:
        return {}
    padding = _padding(volume)
    touching = _touching(output, volume, padding, margin_mm)
    # In one pass over a label map; a hundred segments of a large CT would take minutes one by one.
    # The processes that schedule and deliver know pipelines, and never look at a mask.
    from scipy import ndimage

    boxes = ndimage.find_objects(output.masks) if output.masks.ndim == 3 else None
    found = {}
    for index in sorted(touching):
        passage = passages.get(output.segments[index].label)
        box = None if boxes is None else boxes[index]
        mask = output.mask(index) if box is None else _mask_within(output.masks, index, box)
        where = cut_off_at(mask, volume.lps_from_kji, passage, padding, margin_mm, box)
        if where:
            found[index] = where
    return found


def cut_off_at(
    mask: NDArray[np.bool_],
    lps_from_kji: NDArray[np.float64],
    passage: Passage | None = None,
    padding: NDArray[np.bool_] | None = None,
    margin_mm: float = 0.0,
    box: _Box | None = None,
) -> tuple[Direction, ...]:
    """At which sides of the patient the images cut a structure off.

    `mask`: shape (slices, rows, columns). `lps_from_kji` in mm. `padding` of the same shape:
    where nothing was reconstructed; None where all voxels were. `margin_mm`: what comes so
    near to an edge counts as reaching it. `box`: outside of it the mask is known to be empty.
    """
    box = box or (slice(None), slice(None), slice(None))
    structure = np.zeros_like(mask)
    structure[box] = _without_strays(mask[box])
    voxel_mm3 = abs(float(np.linalg.det(lps_from_kji[:3, :3])))
    section_mm2 = (float(np.count_nonzero(structure[box])) * voxel_mm3) ** (2 / 3)
    found: dict[Direction, None] = {}
    for axis in range(3):
        first, second = (lps_from_kji[:3, other] for other in range(3) if other != axis)
        pixel_mm2 = float(np.linalg.norm(np.cross(first, second)))
        layers = 1 + int(margin_mm / float(np.linalg.norm(lps_from_kji[:3, axis])))
        for side, contact in enumerate(_contacts(structure, axis, layers, padding, box)):
            area_mm2 = contact * pixel_mm2
            direction = direction_of(lps_from_kji, axis, end=bool(side))
            leads_on = passage is not None and passage.direction == direction
            allowed_mm2 = passage.at_most_mm2 if leads_on and passage is not None else 0.0
            if area_mm2 > max(allowed_mm2, _LEAST_CONTACT * section_mm2):
                found[direction] = None
    return tuple(found)


def validity_of(cut_off: Sequence[Direction]) -> Validity:
    """Complete, or truncated with a sentence that says where."""
    if not cut_off:
        return COMPLETE
    return Validity("truncated", tuple(cut_off), f"The images cut it off {in_words(cut_off)}.")


def cut_off_too(doubt: Validity, where: Sequence[Direction]) -> Validity:
    """What is not plausible, and ends where the images do: a reader is to know both."""
    if not where:
        return doubt
    sentence = validity_of(where).reason
    return replace(doubt, cut_off_at=tuple(where), reason=f"{doubt.reason} {sentence}")


def _judged(
    measurement: Measurement, cut_off: dict[int, tuple[Direction, ...]]
) -> Measurement | None:
    """The measurement with its validity; None of a total that misses a part."""
    if any(index in cut_off for index in measurement.parts):
        return None
    # The pipeline's own word, of what it knows to end where the images do, or not to.
    if measurement.validity == COMPLETE or (
        measurement.validity is not None and measurement.validity.state == "truncated"
    ):
        return measurement
    if measurement.segment_index is not None:
        where = cut_off.get(measurement.segment_index, ())
        if measurement.validity is not None and measurement.validity.state == "implausible":
            return replace(measurement, validity=cut_off_too(measurement.validity, where))
        if where or measurement.validity is None:
            caveats = () if measurement.validity is None else measurement.validity.caveats
            return replace(measurement, validity=replace(validity_of(where), caveats=caveats))
    if measurement.validity is not None:
        return measurement
    return replace(measurement, validity=COMPLETE) if measurement.parts else measurement


_REMEDY = "Send a series that shows the whole of it."


def _refusal(
    pipeline: Pipeline,
    output: PipelineOutput,
    cut_off: dict[int, tuple[Direction, ...]],
    truncated: Sequence[Measurement],
) -> str:
    parts = [
        f"{output.segments[index].label} is cut off {in_words(where)}"
        for index, where in cut_off.items()
    ] or [
        f"{one.label} is truncated {in_words(one.validity.cut_off_at)}"
        for one in truncated
        if one.validity
    ]
    return f"{pipeline.title} measures whole structures alone: {'; '.join(parts)} of the images."


def _notes(left_out: Sequence[str]) -> Iterator[str]:
    if left_out:
        yield f"Not stated, because the images cut off a part of it: {', '.join(left_out)}."


def _contacts(
    mask: NDArray[np.bool_],
    axis: int,
    layers: int,
    padding: NDArray[np.bool_] | None,
    box: _Box,
) -> tuple[int, int]:
    """How many voxels of the face an axis begins and ends with lie before the mask, which is
    looked for in so many layers; and how many beside padding."""
    first, last = (
        int(np.count_nonzero(mask[_end(axis, side, layers)].any(axis=axis))) for side in (0, 1)
    )
    if padding is not None and axis:
        ahead, behind = _shifted(axis)
        around = tuple(
            slice(max(0, (one.start or 1) - 1), one.stop and one.stop + 1) for one in box
        )
        mask, padding = mask[around], padding[around]
        first += int(np.count_nonzero(mask[ahead] & padding[behind]))
        last += int(np.count_nonzero(mask[behind] & padding[ahead]))
    return first, last


def _padding(volume: Volume) -> NDArray[np.bool_] | None:
    """What lies outside of the circle that a CT reconstructs.

    Of CT alone: MR states padding for what was cut away inside the head as well.
    """
    return not_imaged(volume) if volume.modality == "CT" else None


def _mask_within(masks: NDArray[Any], index: int, box: _Box) -> NDArray[np.bool_]:
    """A segment of a label map that lies within a box; nothing else is looked at."""
    mask = np.zeros(masks.shape, np.bool_)
    mask[box] = masks[box] == index + 1
    return mask


def _touching(
    output: PipelineOutput,
    volume: Volume,
    padding: NDArray[np.bool_] | None,
    margin_mm: float,
) -> set[int]:
    """The segments that a voxel of lies at an edge: looked for at the edges alone."""
    masks = output.masks
    if masks is None:
        return set()
    faces: list[NDArray[Any]] = [
        masks[_end(axis, side, 1 + int(margin_mm / volume.spacing_mm[axis]))]
        for axis in range(3)
        for side in (0, 1)
    ]
    if padding is not None:
        for axis in (1, 2):
            ahead, behind = _shifted(axis)
            faces += [masks[ahead][padding[behind]], masks[behind][padding[ahead]]]
    if masks.ndim == 4:
        found = [np.flatnonzero(face.reshape(-1, masks.shape[3]).any(axis=0)) for face in faces]
    else:
        found = [np.unique(face[face > 0]).astype(np.intp) - 1 for face in faces]
    return {int(index) for face in found for index in face}


def _end(axis: int, side: int, layers: int) -> tuple[slice, ...]:
    """The first layers along an axis of three, or with `side` 1 the last."""
    ends = slice(None, layers) if side == 0 else slice(-layers, None)
    return tuple(ends if other == axis else slice(None) for other in range(3))


def _shifted(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """All but the first, and all but the last along an axis of three: neighbours of each other."""
    ahead = tuple(slice(1, None) if other == axis else slice(None) for other in range(3))
    behind = tuple(slice(None, -1) if other == axis else slice(None) for other in range(3))
    return ahead, behind


def _without_strays(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask without parts that are too small to be the structure."""
    labels = connected_parts(mask)
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    keep = counts >= _LEAST_SHARE * counts.sum()
    keep[0] = False
    structure: NDArray[np.bool_] = keep[labels]
    return structure
