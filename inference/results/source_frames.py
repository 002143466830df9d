"""Which source frame each frame of a result is of: the same for masks and for maps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.attributes import tag_of
from inference.imaging.stacks import with_frames
from inference.imaging.volume import Volume
from inference.results.measures import with_measures
from inference.results.source_references import Alike, reference_to

_ORIENTATION = tag_of("ImageOrientationPatient")


def in_source_order(
    sources: Sequence[Dataset], volume: Volume, planes: NDArray[Any]
) -> tuple[list[Dataset], NDArray[Any]]:
    """References and planes (masks, or values) frame by frame.

    Classic instances follow k. The frames of a multi-frame instance keep its own order, by
    which the encoder finds their positions.
    """
    if volume.is_multiframe:
        order = np.argsort(np.asarray(volume.frame_numbers), kind="stable")
        reference = reference_to(sources[volume.instance_indices[0]])
        numbers = sorted(volume.frame_numbers)
        if len(numbers) < int(reference.NumberOfFrames):
            reference = with_frames(reference, [number - 1 for number in numbers])
        return [with_measures(reference, volume)], planes[order]
    alike: Alike = {}
    references = [reference_to(sources[index], alike) for index in volume.instance_indices]
    for reference in references:
        # Within the rounding that a volume allows, scanners write it differently slice by slice;
        # the encoder asks for one, as the result states one.
        reference[_ORIENTATION] = references[0][_ORIENTATION]
    return [with_measures(reference, volume) for reference in references], planes


def name_own_frames(result: Dataset, volume: Volume) -> None:
    """Where a volume is some frames of an instance, refer to them by their own numbers.

    The encoder saw an instance of these frames alone and counted from 1.
    """
    if not volume.is_multiframe:
        return
    numbers = sorted(volume.frame_numbers)
    for groups in result.PerFrameFunctionalGroupsSequence:
        for derivation in groups.get("DerivationImageSequence") or ():
            for image in derivation.SourceImageSequence:
                if "ReferencedFrameNumber" in image:
                    image.ReferencedFrameNumber = numbers[int(image.ReferencedFrameNumber) - 1]


def state_derivation(result: Dataset, text: str) -> None:
    """What was done to the source frames on the way to the result (PS3.3 C.7.6.16.2.6)."""
    for groups in result.PerFrameFunctionalGroupsSequence:
        for derivation in groups.get("DerivationImageSequence") or ():
            derivation.DerivationDescription = text
