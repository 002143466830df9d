"""The contrast of an MR series by the parameters of its sequence, words last.

Descriptions are words of people, and name diseases, studies and agents, too; what the scanner did
is in the parameters. Words come first where parameters are those of another contrast, unless the
parameters rule out what the words say. The limits are those of clinical protocols at 1.5 and 3 T;
between them nothing is claimed, or what the trained classifier says where one is installed.
"""

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydicom.dataset import Dataset

from inference.imaging.acquisition.pulse_sequence import scanning_sequence
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
# A survey has fewer images; one of more that is named a T1 is one.
_MANY_IMAGES = 20
_WORDS: tuple[tuple[re.Pattern[str], MrContrast], ...] = (
    (
        re.compile(
            r"locali[sz]er|scout|(?<![a-z])(?:survey|loc|pilot)(?![a-z])|(?<![a-z0-9])3-?plane"
        ),
        "LOCALIZER",
    ),
    (re.compile(r"(?<![a-z])[de]?adc(?![a-z])|apparent.?diff"), "ADC"),
    (
        re.compile(
            r"(?<![a-z])(?:(?:[a-z]{1,2}|iso)?dwi(?:bs)?|diff(?:usion)?|dti|trace[sw]?)(?![a-z])"
        ),
        "DWI",
    ),
    (re.compile(r"flair|tirm|dark.?fluid"), "FLAIR"),
    (
        re.compile(r"(?<![a-z])[eq]?(?:swi|swan)(?![a-z])|t2\s?\*|t2star|(?<![a-z])hemo(?![a-z])"),
        "T2*",
    ),
    (re.compile(r"(?<![a-z])(?:tof|(?:mr)?angio(?:gra[a-z]*)?|(?:ce)?mra)(?![a-z])"), "ANGIO"),
    (re.compile(r"(?<![eo]s)t1|mp-?rage|bravo|spgr|vibe|thrive"), "T1"),
    (re.compile(r"(?<![eo]s)t2"), "T2"),
    (re.compile(r"\bpd\b|\bpdw?\b|proton"), "PD"),
)
_T1_WORDS = next(pattern for pattern, contrast in _WORDS if contrast == "T1")
_VOLUME_WORDS = re.compile(r"mp-?rage|bravo|spgr|vibe|thrive|(?<![0-9])3d(?![a-z])")
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


def mr_contrast(header: Dataset, image_count: int = 1) -> MrContrast:
    """The contrast of one header of a series; empty where nothing tells it.

    `image_count`: images of the series where they are known to be parallel.
    """
    kinds = {value.upper() for value in image_type(header)}
    if "LOCALIZER" in kinds:
        return "LOCALIZER"
    if "ADC" in kinds:
        return "ADC"
    stated = _ACQUISITION_CONTRASTS.get(str(header.get("AcquisitionContrast") or ""))
    if stated:
        return stated
    words, parameters = _by_words(header), _by_parameters(header)
    if words in _WORDS_ALONE_TELL and not _rule_out(parameters, words, header, image_count):
        return words
    if kinds & _PROJECTIONS:
        # Made of a volume of whatever contrast; its parameters are those of the volume.
        return words if words == "T2*" else ""
    return parameters or classified_contrast(header) or words


def _rule_out(parameters: MrContrast, words: MrContrast, header: Dataset, image_count: int) -> bool:
    """Whether no series of what the words say has such parameters."""
    if parameters == "DWI":
        return words != "ADC"
    if words in ("DWI", "ADC"):
        # The gradients of diffusion take longer than the echo of these.
        return parameters in ("T1", "PD")
    if parameters != "T1":
        return False
    if words == "ANGIO":
        return _is_inversion_prepared(header) or _is_spin_echo(header)
    return _is_t1_volume(header, image_count)


def _is_t1_volume(header: Dataset, image_count: int) -> bool:
    """Of what has the parameters of a T1: whether it is named one and is more than a survey."""
    text = " ".join(_texts(header))
    if not (_T1_WORDS.search(text) or _is_inversion_prepared(header)):
        return False
    acquisition = str(header.get("MRAcquisitionType") or "")
    if image_count >= _MANY_IMAGES:
        return True
    return acquisition == "3D" or (acquisition != "2D" and _VOLUME_WORDS.search(text) is not None)


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
    sequence = scanning_sequence(header)
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
    for text in _texts(header):
        for pattern, contrast in _WORDS:
            if pattern.search(text):
                return contrast
    return ""


def _texts(header: Dataset) -> list[str]:
    keywords = ("SeriesDescription", "ProtocolName", "SequenceName")
    return [str(header.get(keyword) or "").lower() for keyword in keywords]


def _is_inversion_prepared(header: Dataset) -> bool:
    inversion_ms = number(sequence_holders(header), "InversionTime", "InversionTimes")
    return inversion_ms is not None and _T1_INVERSION_MS <= inversion_ms < _FLAIR_INVERSION_MS


def _is_spin_echo(header: Dataset) -> bool:
    sequence = scanning_sequence(header)
    return "SE" in sequence and "GR" not in sequence


def sequence_holders(header: Dataset) -> list[Dataset]:
    """The data sets that may hold the parameters: the header and its functional groups."""
    holders = [header]
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for groups in (header.get(keyword) or ())[:1]:
            for name in (*_OF_SEQUENCE, "MRDiffusionSequence"):
                holders.extend((groups.get(name) or ())[:1])
    return holders
