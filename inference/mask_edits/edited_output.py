"""What an edited mask gives: its segments, and the numbers that hold for it."""

from collections.abc import Iterator
from dataclasses import replace

from inference.findings.build import measurement_of
from inference.imaging.acquisition.lossy_compression import caveat_of_lossy_compression
from inference.imaging.acquisition.reconstruction import acquisition_of
from inference.imaging.acquisition.tube_voltage import caveat_of_energies
from inference.imaging.stated_numbers import headers_of
from inference.mask_edits.edited_version import EditedVersion
from inference.models.population import caveat_of
from inference.normal_ranges.stated_age import caveat_of_ages
from inference.pipeline import Measurement, PipelineOutput, Segment
from inference.results.masks.read import MaskStack, read_segments
from inference.volume_preparation.acquired import with_acquisition
from inference.volume_preparation.coverage import with_caveat, with_validity
from storage.core.errors import InvalidRequest
from storage.core.variation import MM3_IN

_VOLUME = "118565006"


def edited_output(
    before: EditedVersion, masks: MaskStack, changed: frozenset[int]
) -> PipelineOutput:
    """The output over `masks`, of which a person changed the segments of these numbers.

    Raises InvalidRequest where nothing is left of the mask.
    """
    if not masks.array.any():
        raise InvalidRequest(
            "Nothing would be left of the mask.", remedy="Reject its findings instead."
        )
    output = PipelineOutput(
        segments=_segments(before, changed),
        masks=masks.array,
        measurements=tuple(_measured(before, masks, changed)),
    )
    by_hand = frozenset(number - 1 for number in changed)
    output = with_validity(before.pipeline, output, before.volume, by_hand)
    stack = headers_of(before.sources, before.volume)
    output = with_acquisition(output, acquisition_of(stack))
    output = with_caveat(output, caveat_of(before.pipeline.card.population, stack))
    output = with_caveat(output, caveat_of_ages(stack))
    output = with_caveat(output, caveat_of_energies(before.sources, before.volume))
    return with_caveat(output, caveat_of_lossy_compression(before.sources, before.volume))


def _segments(before: EditedVersion, changed: frozenset[int]) -> tuple[Segment, ...]:
    """As the segmentation states them; which are lesions, it does not say."""
    colors = {
        one.segmentation.segment_number: one.segmentation.color_rgb
        for one in before.findings
        if one.segmentation is not None
    }
    lesions = {one.segment_number: one for one in before.lesions}

    def with_kind(number: int, segment: Segment) -> Segment:
        lesion = lesions.get(number)
        if lesion is None:
            return segment
        # What a person drew over a detector's box is an outline.
        is_box = lesion.axes_method == "box" and number not in changed
        return replace(segment, is_lesion=True, is_box=is_box)

    segments = read_segments(before.segmentation, colors)
    return tuple(with_kind(number, one) for number, one in enumerate(segments, start=1))


def _measured(
    before: EditedVersion, masks: MaskStack, changed: frozenset[int]
) -> Iterator[Measurement]:
    """What still holds: volumes measured again, and what no changed segment had a part in."""
    for finding in before.findings:
        measured = measurement_of(finding)
        if measured is None or measured.segment_index is None:
            continue
        number = measured.segment_index + 1
        if number not in changed:
            yield measured
        elif measured.code.value == _VOLUME and measured.unit.value in MM3_IN:
            mm3 = masks.voxel_count(number) * before.volume.voxel_volume_mm3
            value = mm3 / MM3_IN[measured.unit.value]
            # The model was sure of its own mask; whether the new one is complete, the mask says
            # (`inference.volume_preparation.coverage`).
            yield replace(measured, value=value, confidence=None, validity=None)
