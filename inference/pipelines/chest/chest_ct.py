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
from inference.imaging.acquisition.reconstruction import kernels_of
from inference.imaging.geometry import Stack, judged_spacing_mm, spacing_mm, stack_of
from inference.imaging.headers import frame_types, quoted, rescale_types, why_not_of_kind
from inference.imaging.stated_numbers import in_words, tube_voltages_kv
from inference.pipeline import Acceptance
from inference.reasons import reason as because
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
        return Acceptance(False, because("no_instances"))
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
    kernels = {one or "not stated" for header in headers for one in kernels_of(header)}
    kernel = " and ".join(sorted(kernels))
    contrast = ", with contrast agent" if any(map(contrast_agent_given, headers)) else ""
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
        for rescale_type in rescale_types(header):
            if rescale_type.upper() not in ("HU", "HU_MOD"):
                return because("rescale_type", found=rescale_type)
        for value in frame_types(header):
            if value in _UNUSABLE_IMAGE_TYPES:
                kind = _UNUSABLE_IMAGE_TYPES[value]
                return because("image_type", image_type=value, kind=kind)
    return ""


def _body(header: Dataset) -> str:
    stated = {keyword: str(header.get(keyword) or "") for keyword in _OF_WORDS}
    if any(_CHEST_WORDS.search(text.lower()) for text in stated.values()):
        return ""
    part = stated["BodyPartExamined"]
    if part:
        return because("not_chest", found=part)
    return because("nothing_says_chest", text=quoted(stated["SeriesDescription"]))


def _energies(headers: Sequence[Dataset]) -> str:
    voltages = tube_voltages_kv(headers)
    if len(voltages) < 2:
        return ""
    return because("tube_voltages", found=in_words(voltages))


def _geometry(stack: Stack) -> str:
    if not stack.frame_of_reference_uid:
        return because("no_frame_of_reference")
    normal = np.cross(stack.lps_from_kji[:3, 2], stack.lps_from_kji[:3, 1])
    tilt = np.degrees(np.arccos(min(1.0, abs(normal[2]) / np.linalg.norm(normal))))
    if tilt > _AXIAL_WITHIN_DEGREES:
        return because("not_axial", found=f"{tilt:.0f}")
    spacing = judged_spacing_mm(stack.lps_from_kji)
    if spacing[0] > MAXIMUM_SLICE_DISTANCE_MM:
        most = f"{MAXIMUM_SLICE_DISTANCE_MM:g}"
        return because("slice_distance", found=f"{spacing[0]:.2f}", most=most)
    length = spacing[0] * len(stack.frames)
    if length < MINIMUM_LENGTH_MM:
        return because("short_series", found=f"{length:.0f}", least=f"{MINIMUM_LENGTH_MM:g}")
    width = spacing[2] * stack.columns
    if width < MINIMUM_WIDTH_MM:
        return because("narrow_field", found=f"{width:.0f}", least=f"{MINIMUM_WIDTH_MM:g}")
    return ""
