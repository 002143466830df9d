"""The contrast of an MR series by the parameters of its sequence, words last.

Descriptions are words of people; what the scanner did is in the parameters. Words come first where
parameters are those of another contrast. The limits are those of clinical protocols at 1.5 and 3 T;
between them nothing is claimed, or what the trained classifier says where one is installed.
"""

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydicom.dataset import Dataset

from inference.imaging.headers import image_type, number, texts
from inference.series_classification.mr_classifier import classified_contrast

MrContrast = Literal["T1", "T2", "FLAIR", "PD", "DWI", "ADC", "T2*", "ANGIO", "LOCALIZER", ""]

_SHORT_ECHO_MS, _LONG_ECHO_MS = 30.0, 60.0
_SHORT_REPETITION_MS, _LONG_REPETITION_MS = 1100.0, 2000.0
_FLAIR_INVERSION_MS = 1500.0
_T1_INVERSION_MS = 400.0
_GRADIENT_ECHO_T2STAR_MS = 15.0
# Radial acquisitions fan out; planes of a survey stand upright on each other.
_SAME_PLANE_COSINE = 0.5
_WORDS: tuple[tuple[re.Pattern[str], MrContrast], ...] = (
    (
        re.compile(r"localizer|localiser|scout|survey|(?<![a-z])loc(?![a-z])|3-?plane|pilot"),
        "LOCALIZER",
    ),
    (re.compile(r"(?<![a-z])[de]?adc(?![a-z])|apparent"), "ADC"),
    (re.compile(r"dwi|diff(?!er)|(?<![a-z])dti(?![a-z])|(?<![a-z])trace"), "DWI"),
    (re.compile(r"flair|tirm|dark.?fluid"), "FLAIR"),
    (re.compile(r"swi|swan|t2\s?\*|t2star|hemo"), "T2*"),
    (re.compile(r"(?<![a-z])tof(?![a-z])|angio(?!o)|(?<![a-z])(ce)?mra(?![a-z])"), "ANGIO"),
    (re.compile(r"t1|mp-?rage|bravo|spgr|vibe|thrive"), "T1"),
    (re.compile(r"t2"), "T2"),
    (re.compile(r"\bpd\b|\bpdw?\b|proton"), "PD"),
)
# Their parameters are those of others: of a localizer and an angiography those of a T1, of a map of
# diffusion and of diffusion without a standard b-value those of a T2.
_WORDS_ALONE_TELL: frozenset[MrContrast] = frozenset({"LOCALIZER", "ADC", "DWI", "ANGIO"})
_PROJECTIONS = frozenset({"PROJECTION IMAGE", "MIP", "MNIP", "MINIP"})
_OF_SEQUENCE = ("MRTimingAndRelatedParametersSequence", "MREchoSequence", "MRModifierSequence")
_ACQUISITION_CONTRASTS: dict[str, MrContrast] = {
    "T1": "T1",
    "T2": "T2",
    "T2_STAR": "T2*",
    "FLUID_ATTENUATED": "FLAIR",
    "PROTON_DENSITY": "PD",
    "DIFFUSION": "DWI",
    "TOF": "ANGIO",
}


def mr_contrast(header: Dataset) -> MrContrast:
    """The contrast of one header of a series; empty where nothing tells it."""
    kinds = {value.upper() for value in image_type(header)}
    if "LOCALIZER" in kinds:
        return "LOCALIZER"
    if "ADC" in kinds:
        return "ADC"
    stated = _ACQUISITION_CONTRASTS.get(str(header.get("AcquisitionContrast") or ""))
    if stated:
        return stated
    words = _by_words(header)
    if words in _WORDS_ALONE_TELL:
        return words
    if kinds & _PROJECTIONS:
        # Made of a volume of whatever contrast; its parameters are those of the volume.
        return words if words == "T2*" else ""
    return _by_parameters(header) or classified_contrast(header) or words


def in_several_planes(headers: Sequence[Dataset]) -> bool:
    """Whether classic images lie in planes of different directions, as those of a survey do."""
    normals = []
    for header in headers:
        try:
            rows, columns = np.reshape(
                np.asarray(header.get("ImageOrientationPatient"), np.float64), (2, 3)
            )
        except (ValueError, TypeError):
            continue
        normals.append(np.cross(rows, columns))
    return any(abs(float(normal @ normals[0])) < _SAME_PLANE_COSINE for normal in normals[1:])


def _by_parameters(header: Dataset) -> MrContrast:
    holders = sequence_holders(header)
    if number(holders, "DiffusionBValue") is not None:
        return "DWI"
    echo, repetition = (
        number(holders, "EchoTime", "EffectiveEchoTime"),
        number(holders, "RepetitionTime"),
    )
    if echo is None or repetition is None:
        return ""
    inversion = number(holders, "InversionTime", "InversionTimes")
    sequence = texts(header.get("ScanningSequence"))
    if inversion is not None and inversion >= _FLAIR_INVERSION_MS and echo >= _LONG_ECHO_MS:
        return "FLAIR"
    if "SE" not in sequence and "GR" in sequence:
        return _of_gradient_echo(echo, inversion, texts(header.get("SequenceVariant")))
    return _of_spin_echo(echo, repetition, inversion)


def _of_spin_echo(echo_ms: float, repetition_ms: float, inversion_ms: float | None) -> MrContrast:
    if echo_ms <= _SHORT_ECHO_MS and repetition_ms <= _SHORT_REPETITION_MS:
        return "T1"
    if inversion_ms is not None and echo_ms <= _SHORT_ECHO_MS:
        # T1 with dark fluid; an inversion that is shorter darkens fat.
        return "T1" if _T1_INVERSION_MS <= inversion_ms < _FLAIR_INVERSION_MS else ""
    if repetition_ms < _LONG_REPETITION_MS:
        return ""
    if echo_ms <= _SHORT_ECHO_MS:
        return "PD"
    return "T2" if echo_ms >= _LONG_ECHO_MS else ""


def _of_gradient_echo(
    echo_ms: float, inversion_ms: float | None, variant: tuple[str, ...]
) -> MrContrast:
    if echo_ms >= _GRADIENT_ECHO_T2STAR_MS:
        return "T2*"
    if inversion_ms is not None or "MP" in variant or "SP" in variant:
        return "T1"
    return ""


def _by_words(header: Dataset) -> MrContrast:
    for keyword in ("SeriesDescription", "ProtocolName", "SequenceName"):
        text = str(header.get(keyword) or "").lower()
        for pattern, contrast in _WORDS:
            if pattern.search(text):
                return contrast
    return ""


def sequence_holders(header: Dataset) -> list[Dataset]:
    """The data sets that may hold the parameters: the header and its functional groups."""
    holders = [header]
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for groups in (header.get(keyword) or ())[:1]:
            for name in (*_OF_SEQUENCE, "MRDiffusionSequence"):
                holders.extend((groups.get(name) or ())[:1])
    return holders
