"""Whether a series is an axial CT of the chest, thin enough to measure lungs in.

Every refusal names the value that it rests on.
"""

import re
from collections.abc import Sequence

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
)

from inference.imaging.acquisition.contrast_agent import contrast_agent_given
from inference.imaging.geometry import Stack, judged_spacing_mm, spacing_mm, stack_of
from inference.imaging.headers import quoted, why_not_of_kind
from inference.imaging.stated_numbers import in_words, tube_voltages_kv
from inference.pipeline import Acceptance
from inference.refusals import VolumeRefused

MAXIMUM_SLICE_DISTANCE_MM = 3.0
MINIMUM_LENGTH_MM = 150.0
MINIMUM_WIDTH_MM = 200.0
# Of the normal of the slices towards head or feet: a tilted table is still axial.
_AXIAL_WITHIN_DEGREES = 30.0

_CT_SOP_CLASSES = (
    CTImageStorage,
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
)
_CHEST_WORDS = re.compile(r"chest|thora|lung|pulmon|\bct?ap\b|\bcap\b|hrct|torso|whole ?body")
_UNUSABLE_IMAGE_TYPES = {
    "LOCALIZER": "a localizer",
    "MIP": "a projection",
    "MINIP": "a projection",
    "MAX_IP": "a projection",
    "MIN_IP": "a projection",
    "AVERAGE": "an average of slices",
    "PROJECTION IMAGE": "a projection",
    # Value 4 of multi-energy CT (PS3.3 C.8.15.2.1.1.5): thresholds in HU are not made for them.
    "VMI": "a virtual monoenergetic image",
    "MAT_SPECIFIC": "an image of one material",
    "MAT_REMOVED": "an image without one material",
    "MAT_FRACTIONAL": "an image of the share of a material",
    "MAT_MODIFIED": "an image with a material modified",
    "MAT_VALUE_BASED": "an image of a material's values",
    "EFF_ATOMIC_NUM": "an image of atomic numbers",
    "ELECTRON_DENSITY": "an image of electron densities",
}
_OF_WORDS = ("BodyPartExamined", "SeriesDescription", "ProtocolName", "StudyDescription")


def judge_chest_ct(headers: Sequence[Dataset]) -> Acceptance:
    """Whether `headers` (of all instances of a series) are an axial chest CT in HU."""
    if not headers:
        return Acceptance(False, "The series has no instances.")
    reason = _kind(headers) or _body(headers[0]) or _energies(headers)
    if reason:
        return Acceptance(False, reason)
    try:
        stack = stack_of(headers)
    except VolumeRefused as refusal:
        return Acceptance(False, str(refusal))
    reason = _geometry(stack)
    if reason:
        return Acceptance(False, reason)
    spacing = spacing_mm(stack.lps_from_kji)
    kernel = str(headers[0].get("ConvolutionKernel") or "not stated")
    contrast = ", with contrast agent" if contrast_agent_given(headers[0]) else ""
    return Acceptance(
        True,
        f"Axial chest CT of {len(stack.frames)} slices {spacing[0]:.2f} mm apart"
        f" (kernel {kernel}{contrast}).",
    )


def _kind(headers: Sequence[Dataset]) -> str:
    for header in headers:
        reason = why_not_of_kind(header, "CT", _CT_SOP_CLASSES, _UNUSABLE_IMAGE_TYPES)
        if reason:
            return reason
        rescale_type = str(header.get("RescaleType") or "HU")
        if rescale_type.upper() not in ("HU", "HU_MOD"):
            return f"RescaleType is {rescale_type}; densities are measured in HU."
    return ""


def _body(header: Dataset) -> str:
    stated = {keyword: str(header.get(keyword) or "") for keyword in _OF_WORDS}
    if any(_CHEST_WORDS.search(text.lower()) for text in stated.values()):
        return ""
    part = stated["BodyPartExamined"]
    if part:
        return f"BodyPartExamined is {part}; only the chest is taken."
    return (
        "Nothing says that the series shows the chest (BodyPartExamined is not stated,"
        f" SeriesDescription is {quoted(stated['SeriesDescription'])})."
    )


def _energies(headers: Sequence[Dataset]) -> str:
    voltages = tube_voltages_kv(headers)
    if len(voltages) < 2:
        return ""
    return (
        f"The images were made with {in_words(voltages)} kV (KVP); densities are compared with"
        " limits for one tube voltage. Send the images of each as a series of their own."
    )


def _geometry(stack: Stack) -> str:
    if not stack.frame_of_reference_uid:
        return "FrameOfReferenceUID is missing, so a result could not be placed in the patient."
    normal = np.cross(stack.lps_from_kji[:3, 2], stack.lps_from_kji[:3, 1])
    tilt = np.degrees(np.arccos(min(1.0, abs(normal[2]) / np.linalg.norm(normal))))
    if tilt > _AXIAL_WITHIN_DEGREES:
        return f"The slices are tilted by {tilt:.0f}° against the axial plane; 30° is the most."
    spacing = judged_spacing_mm(stack.lps_from_kji)
    if spacing[0] > MAXIMUM_SLICE_DISTANCE_MM:
        return (
            f"The slices are {spacing[0]:.2f} mm apart;"
            f" {MAXIMUM_SLICE_DISTANCE_MM:g} mm is the most taken."
        )
    length = spacing[0] * len(stack.frames)
    if length < MINIMUM_LENGTH_MM:
        return f"The series is {length:.0f} mm long; lungs need {MINIMUM_LENGTH_MM:g} mm or more."
    width = spacing[2] * stack.columns
    if width < MINIMUM_WIDTH_MM:
        return f"The field of view is {width:.0f} mm wide; both lungs need {MINIMUM_WIDTH_MM:g} mm."
    return ""
