"""What is measured of the segments of a series: their volumes, and a count of none of what the
card says may be absent."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.failure_sentences import failure
from inference.findings.counts import NUMBER_FOUND
from inference.imaging.label_counts import voxels_of_values
from inference.imaging.padding import without_not_imaged
from inference.imaging.volume import Volume
from inference.models.description import ModelDescription
from inference.pipeline import Measurement, PipelineOutput, Segment
from inference.pipelines.codes import CM3, MM3_IN_CM3, VOLUME
from inference.refusals import NothingFound
from storage.core.findings import NO_UNITS


def segmented(
    model: ModelDescription, segments: Sequence[Segment], masks: NDArray[Any], volume: Volume
) -> PipelineOutput:
    """With the volumes of what is there, and a count of none of what may be absent and is.

    Raises NothingFound where all that is marked was not imaged, and may not be absent.
    """
    there, masks = imaged(segments, masks, volume)
    if segments and not there and not may_find_nothing(model):
        raise NothingFound(
            failure("nothing_found", model=model.title), remedy=failure("check_series")
        )
    return PipelineOutput(
        segments=there,
        masks=masks if there else None,
        measurements=(*volumes_of(there, masks, volume), *absences(model, there)),
        notes=absence_notes(model, there),
    )


def imaged(
    segments: Sequence[Segment], masks: NDArray[Any], volume: Volume
) -> tuple[tuple[Segment, ...], NDArray[Any]]:
    """What of the masks was imaged. A segment that lies elsewhere alone is not there: without a
    voxel it would be an object that viewers show as broken, and a volume of 0 cm³.

    `masks` as in `PipelineOutput`.
    """
    cleared = without_not_imaged(masks, volume)
    if cleared is masks:
        return tuple(segments), masks
    kept = np.flatnonzero(_voxels(segments, cleared)).tolist()
    if len(kept) == len(segments):
        return tuple(segments), cleared
    there = tuple(segments[index] for index in kept)
    if masks.ndim > 3:
        return there, cleared[..., kept]
    renumbered = np.zeros(len(segments) + 1, masks.dtype)
    renumbered[[index + 1 for index in kept]] = np.arange(1, len(kept) + 1)
    return there, renumbered[cleared]


def volumes_of(
    segments: Sequence[Segment], masks: NDArray[Any], volume: Volume
) -> tuple[Measurement, ...]:
    """The volume of each segment in cm³; `masks` as in `PipelineOutput`."""
    voxels = _voxels(segments, masks)
    return tuple(
        Measurement(
            f"{segment.label} volume",
            VOLUME,
            float(voxels[index]) * volume.voxel_volume_mm3 / MM3_IN_CM3,
            CM3,
            index,
        )
        for index, segment in enumerate(segments)
    )


def _voxels(segments: Sequence[Segment], masks: NDArray[Any]) -> NDArray[np.integer[Any]]:
    """Of each segment."""
    counts: NDArray[np.integer[Any]] = (
        voxels_of_values(masks, len(segments))[1:]
        if masks.ndim == 3
        else np.count_nonzero(masks, axis=(0, 1, 2))
    )
    return counts


def may_find_nothing(model: ModelDescription) -> bool:
    """Whether a series in which it marks nothing at all has a result."""
    return bool(model.labels) and all(
        model.segment(value).absence_is_a_result for value in model.labels
    )


def absences(model: ModelDescription, found: Collection[Segment]) -> Iterator[Measurement]:
    """A count of none for each segment that may be absent and is, as detectors count."""
    for label in _absent(model, found):
        yield Measurement(f"{label} found", NUMBER_FOUND, 0.0, NO_UNITS)


def absence_notes(model: ModelDescription, found: Collection[Segment]) -> tuple[str, ...]:
    """What a count of none is not."""
    none = _absent(model, found)
    if not none:
        return ()
    return (
        f"{model.title} marked nothing as {', '.join(none)}. That is what the algorithm marked, and"
        " not a statement that there is none.",
    )


def _absent(model: ModelDescription, found: Collection[Segment]) -> list[str]:
    """Labels of the segments that may be absent and are."""
    labels = {one.label for one in found}
    stated = map(model.segment, model.labels)
    return [one.label for one in stated if one.absence_is_a_result and one.label not in labels]
