"""Size of pixels and orientation, where the encoder of masks looks for them."""

import copy

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from inference.imaging.attributes import tag_of
from inference.imaging.geometry import upright_step
from inference.imaging.volume import Volume
from inference.results.source_references import shortened

_THICKNESS = tag_of("SliceThickness")
_BETWEEN_SLICES = tag_of("SpacingBetweenSlices")
_GRID = ("PixelMeasuresSequence", "PlaneOrientationSequence")


def with_measures(reference: Dataset, volume: Volume) -> Dataset:
    """A reference that states them once for all frames, and a thickness for its slices.

    Enhanced instances may state them frame by frame (PS3.3 C.7.6.16.2.1); a volume has one grid,
    so any frame's hold for all. Where no thickness is stated, a slice of the mask reaches as
    far as the next one. How far that is goes by the positions: headers may state the gap there.
    """
    step = shortened(float(np.linalg.norm(upright_step(volume.lps_from_kji))))
    if "NumberOfFrames" not in reference:
        if not reference.get("SliceThickness"):
            # A new element: the one that says 0 is the source's own.
            reference[_THICKNESS] = DataElement(_THICKNESS, "DS", step)
        reference[_BETWEEN_SLICES] = DataElement(_BETWEEN_SLICES, "DS", step)
        return reference
    found = Dataset()
    # Setting a value changes the element, so those that will differ are not shared.
    kept = (one for one in reference if one.keyword != "SharedFunctionalGroupsSequence")
    found.update({element.tag: element for element in kept})
    shared = Dataset()
    for group in reference.get("SharedFunctionalGroupsSequence") or ():
        shared.update({element.tag: element for element in group})
    for keyword in _GRID:
        if keyword not in shared:
            first = reference.PerFrameFunctionalGroupsSequence[0]
            setattr(shared, keyword, copy.deepcopy(first[keyword].value))
    measures = copy.deepcopy(shared.PixelMeasuresSequence)
    del shared.PixelMeasuresSequence
    if not measures[0].get("SliceThickness"):
        measures[0].SliceThickness = step
    measures[0].SpacingBetweenSlices = step
    shared.PixelMeasuresSequence = measures
    found.SharedFunctionalGroupsSequence = [shared]
    return found
