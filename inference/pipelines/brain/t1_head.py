"""Whether a series is a 3D T1-weighted head MR, by its headers alone.

Descriptions are words of people, so the parameters of the sequence overrule them where
they are stated. Every refusal names the value that it rests on.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import (
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    MRImageStorage,
)

from inference.imaging.frames import number_of_frames
from inference.imaging.geometry import Stack, judged_spacing_mm, stack_of
from inference.imaging.headers import number, quoted, texts, why_not_of_kind
from inference.pipeline import Acceptance
from inference.reasons import reason as because
from inference.refusals import VolumeRefused
from inference.series_classification.mr_contrast import sequence_holders

_MR_SOP_CLASSES = {
    MRImageStorage: "MR Image",
    EnhancedMRImageStorage: "Enhanced MR Image",
    LegacyConvertedEnhancedMRImageStorage: "Legacy Converted Enhanced MR Image",
}
MINIMUM_SLICES = 60
MAXIMUM_SPACING_MM = 2.0
MINIMUM_EXTENT_MM = 120.0
MAXIMUM_EXTENT_MM = 400.0
# A 3D gradient echo is T1-weighted with a short echo; T2 and FLAIR have long ones.
MAXIMUM_ECHO_TIME_MS = 15.0
MAXIMUM_REPETITION_TIME_MS = 5500.0
_INVERSION_TIMES_MS = (500.0, 1400.0)
_SHORT_REPETITION_TIME_MS = 50.0

_EDGE_BEFORE, _EDGE_AFTER = r"(?<![a-z0-9])", r"(?![a-z0-9])"
_T1_WORDS = re.compile(
    _EDGE_BEFORE
    + r"(t1\w*|mp2?-?rage\w*|me-?mprage\w*|bravo|f?spgr\w*|3d-?tfe|t1-?tfe)"
    + _EDGE_AFTER
    + r"|t1w|mprage"
)
_OTHER_CONTRAST_WORDS = re.compile(
    _EDGE_BEFORE
    + r"(t2\w*|flair\w*|tirm|stir|dwi\w*|dti\w*|adc|trace[sw]?|swi\w*|swan|tof\w*|mra|mip|bold|fmri"
    r"|epi|asl|pcasl|perfusion|dsc|pd\w?|phase|fieldmap|b0map|t1-?map\w*|t1rho)"
    + _EDGE_AFTER
    + r"|t2w|flair"
)
_LOCALIZER_WORDS = re.compile(
    _EDGE_BEFORE + r"(loc|localizer|localiser|scout|survey|3-?plane\w*|aahead\w*)" + _EDGE_AFTER
)
_OTHER_BODY_WORDS = re.compile(
    _EDGE_BEFORE
    + r"(c-?spine|t-?spine|l-?spine|spine|knee|hip|shoulder|pelvis|abdomen|liver|breast|cardiac"
    r"|heart|prostate|wrist|ankle|foot|hand|elbow|thorax|chest)" + _EDGE_AFTER
)
_HEAD_PARTS = {"HEAD", "BRAIN", "SKULL", "HEADNECK", "WHOLEBRAIN", "CRANIUM", "NEURO"}
_UNUSABLE_IMAGE_TYPES = {
    "LOCALIZER": "a localizer",
    "MOSAIC": "a mosaic of slices",
    "PROJECTION IMAGE": "a projection",
    "MIP": "a projection",
    "PHASE": "a phase image",
    "P": "a phase image",
    "PHASE MAP": "a phase image",
    "VELOCITY": "a velocity map",
    "ADC": "a diffusion map",
    "DIFFUSION": "a diffusion image",
    "T1 MAP": "a map of relaxation times",
    "T2 MAP": "a map of relaxation times",
}


@dataclass(frozen=True)
class _Sequence:
    """The parameters of the MR sequence, from either kind of instance; None: not stated."""

    acquisition: str
    echo_time_ms: float | None
    repetition_time_ms: float | None
    inversion_time_ms: float | None
    scanning_sequence: tuple[str, ...]
    contrast: str


def judge_t1_head(headers: Sequence[Dataset]) -> Acceptance:
    """Whether `headers` (of all instances of a series) are a 3D T1-weighted head."""
    if not headers:
        return Acceptance(False, because("no_instances"))
    reason = _kind(headers) or _words(headers[0]) or _contrast(headers[0]) or _body(headers[0])
    if reason:
        return Acceptance(False, reason)
    try:
        frames = sum(number_of_frames(header) for header in headers)
        if frames < MINIMUM_SLICES:
            return Acceptance(
                False,
                because("few_slices", count=frames, least=MINIMUM_SLICES),
            )
        stack = stack_of(headers)
    except VolumeRefused as refusal:
        return Acceptance(False, str(refusal))
    reason = _extent(stack)
    if reason:
        return Acceptance(False, reason)
    return Acceptance(True, f"3D T1-weighted head MR of {frames} slices ({_evidence(headers[0])}).")


def _kind(headers: Sequence[Dataset]) -> str:
    for header in headers:
        reason = why_not_of_kind(header, "MR", _MR_SOP_CLASSES, _UNUSABLE_IMAGE_TYPES)
        if reason:
            return reason
        photometric = header.get("PhotometricInterpretation")
        if photometric != "MONOCHROME2":
            return because("photometric", found=photometric)
    return ""


def _words(header: Dataset) -> str:
    for keyword in ("SeriesDescription", "ProtocolName"):
        text = str(header.get(keyword, ""))
        if _LOCALIZER_WORDS.search(text.lower()):
            return because("named_localizer", keyword=keyword, text=quoted(text))
    return ""


def _contrast(header: Dataset) -> str:
    sequence = _sequence(header)
    if sequence.acquisition == "2D":
        return because("not_3d")
    echo, repetition = sequence.echo_time_ms, sequence.repetition_time_ms
    if echo is not None and echo > MAXIMUM_ECHO_TIME_MS:
        return because("echo_time", found=f"{echo:g}", most=f"{MAXIMUM_ECHO_TIME_MS:g}")
    if repetition is not None and repetition > MAXIMUM_REPETITION_TIME_MS:
        most = f"{MAXIMUM_REPETITION_TIME_MS:g}"
        return because("repetition_time", found=f"{repetition:g}", most=most)
    if sequence.contrast and sequence.contrast not in ("T1", "UNKNOWN", "MIXED"):
        return because("contrast", found=sequence.contrast)
    return _contrast_in_words(header, sequence)


def _contrast_in_words(header: Dataset, sequence: _Sequence) -> str:
    for keyword in ("SeriesDescription", "ProtocolName"):
        text = str(header.get(keyword, ""))
        if _OTHER_CONTRAST_WORDS.search(text.lower()):
            return because("named_contrast", keyword=keyword, text=quoted(text))
    if not _evidence(header):
        description = str(header.get("SeriesDescription", ""))
        return because(
            "not_t1",
            text=quoted(description),
            echo_time=_stated(sequence.echo_time_ms),
            repetition_time=_stated(sequence.repetition_time_ms),
            inversion_time=_stated(sequence.inversion_time_ms),
        )
    return ""


def _evidence(header: Dataset) -> str:
    """What makes the series T1-weighted, for people; empty where nothing does."""
    for keyword in ("SeriesDescription", "ProtocolName"):
        text = str(header.get(keyword, ""))
        if _T1_WORDS.search(text.lower()):
            return f"{keyword} {quoted(text)}"
    sequence = _sequence(header)
    if sequence.contrast == "T1":
        return "AcquisitionContrast T1"
    echo, repetition = sequence.echo_time_ms, sequence.repetition_time_ms
    inversion = sequence.inversion_time_ms
    if echo is None or repetition is None or "GR" not in sequence.scanning_sequence:
        return ""
    if inversion and _INVERSION_TIMES_MS[0] <= inversion <= _INVERSION_TIMES_MS[1]:
        return f"gradient echo, EchoTime {echo:g} ms, InversionTime {inversion:g} ms"
    spoiled = "SP" in texts(header.get("SequenceVariant"))
    if spoiled and repetition <= _SHORT_REPETITION_TIME_MS:
        return f"spoiled gradient echo, EchoTime {echo:g} ms, RepetitionTime {repetition:g} ms"
    return ""


def _body(header: Dataset) -> str:
    part = str(header.get("BodyPartExamined") or "").upper().replace(" ", "").replace("_", "")
    if part and part not in _HEAD_PARTS:
        return because("not_head", found=part)
    for keyword in ("SeriesDescription", "ProtocolName"):
        text = str(header.get(keyword, ""))
        if not part and _OTHER_BODY_WORDS.search(text.lower()):
            return because("named_body_part", keyword=keyword, text=quoted(text))
    return ""


def _extent(stack: Stack) -> str:
    if not stack.frame_of_reference_uid:
        return because("no_frame_of_reference")
    spacing = np.array(judged_spacing_mm(stack.lps_from_kji))
    if spacing.max() > MAXIMUM_SPACING_MM:
        text = " × ".join(f"{value:.2f}" for value in spacing)
        return because("large_voxels", found=text, most=f"{MAXIMUM_SPACING_MM:g}")
    extent = spacing * (len(stack.frames), stack.rows, stack.columns)
    if extent.min() < MINIMUM_EXTENT_MM or extent.max() > MAXIMUM_EXTENT_MM:
        text = " × ".join(f"{value:.0f}" for value in extent)
        least, most = f"{MINIMUM_EXTENT_MM:g}", f"{MAXIMUM_EXTENT_MM:g}"
        return because("head_extent", found=text, least=least, most=most)
    return ""


def _sequence(header: Dataset) -> _Sequence:
    holders = sequence_holders(header)
    return _Sequence(
        acquisition=str(header.get("MRAcquisitionType") or ""),
        echo_time_ms=number(holders, "EchoTime", "EffectiveEchoTime"),
        repetition_time_ms=number(holders, "RepetitionTime"),
        inversion_time_ms=number(holders, "InversionTime", "InversionTimes"),
        scanning_sequence=texts(header.get("ScanningSequence")),
        contrast=str(header.get("AcquisitionContrast") or ""),
    )


def _stated(value: float | None) -> str:
    return "not stated" if value is None else f"{value:g} ms"
