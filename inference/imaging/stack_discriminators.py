"""What tells the stacks of a series apart, and its values in headers and functional groups."""

from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as DatasetSequence

from inference.imaging.attributes import value_of
from inference.refusals import VolumeRefused

Key = tuple[float | str, ...]


@dataclass(frozen=True)
class Distinction:
    """An attribute that tells stacks apart: its keyword in classic instances, the same in
    functional groups (sequence, keyword), and its unit."""

    keyword: str
    in_groups: tuple[tuple[str, str], ...] = ()
    unit: str = ""


# In the order in which they are tried: what a person would name first.
DISTINCTIONS = (
    Distinction("EchoTime", (("MREchoSequence", "EffectiveEchoTime"),), "ms"),
    Distinction("DiffusionBValue", (("MRDiffusionSequence", "DiffusionBValue"),), "s/mm²"),
    Distinction("TemporalPositionIdentifier", (("FrameContentSequence", "TemporalPositionIndex"),)),
    Distinction("InversionTime", (("MRModifierSequence", "InversionTimes"),), "ms"),
    Distinction("AcquisitionNumber", (("FrameContentSequence", "FrameAcquisitionNumber"),)),
    Distinction(
        "ImageType",
        (
            ("MRImageFrameTypeSequence", "FrameType"),
            ("CTImageFrameTypeSequence", "FrameType"),
            ("PETFrameTypeSequence", "FrameType"),
        ),
    ),
    Distinction("ConvolutionKernel", (("CTReconstructionSequence", "ConvolutionKernel"),)),
    # Of PET: reconstructions of one acquisition; and with and without correction of attenuation.
    Distinction("ReconstructionMethod"),
    Distinction("CorrectedImage"),
    Distinction("KVP", (("CTXRayDetailsSequence", "KVP"),), "kV"),
    Distinction("FlipAngle", (("MRTimingAndRelatedParametersSequence", "FlipAngle"),), "°"),
    Distinction(
        "TriggerTime", (("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),), "ms"
    ),
    Distinction("DiffusionGradientOrientation"),
    Distinction("SequenceName"),
    Distinction("FrameReferenceTime", (), "ms"),
    Distinction("AcquisitionTime"),
)


def value_in(holders: tuple[Dataset, ...], distinction: Distinction) -> Key:
    """What the innermost of a frame's groups and its header states of a distinction."""
    return _found(holders, distinction.keyword, distinction.in_groups)


def numbers_in(holders: tuple[Dataset, ...], sequence: str, keyword: str) -> tuple[float, ...]:
    """Numbers that must be stated. Raises VolumeRefused."""
    key = _found(holders, keyword, ((sequence, keyword),))
    if not key or not all(isinstance(part, float) for part in key):
        raise VolumeRefused(f"{keyword} is not stated.")
    return tuple(float(part) for part in key)


def _found(
    holders: tuple[Dataset, ...], keyword: str, in_groups: tuple[tuple[str, str], ...]
) -> Key:
    """The value from the innermost place that states one; empty where none does."""
    for holder in holders:
        for sequence, inside in in_groups:
            for item in (value_of(holder, sequence) or ())[:1]:
                key = key_of(value_of(item, inside))
                if key:
                    return key
        key = key_of(value_of(holder, keyword))
        if key:
            return key
    return ()


def key_of(value: object) -> Key:
    if value is None or isinstance(value, DatasetSequence | bytes):
        return ()
    parts = value if isinstance(value, MultiValue | list | tuple) else (value,)
    key: list[float | str] = []
    for part in parts:
        try:
            key.append(float(part))
        except (TypeError, ValueError):
            key.append(str(part))
    return tuple(key)


def sorting(key: Key) -> tuple[tuple[int, float, str], ...]:
    """Numbers by size, then words; what is not stated comes first."""
    return tuple((0, part, "") if isinstance(part, float) else (1, 0.0, part) for part in key)


def named(distinction: Distinction, value: Key) -> str:
    if not value:
        return f"{distinction.keyword} not stated"
    text = "\\".join(f"{part:g}" if isinstance(part, float) else part for part in value)
    return f"{distinction.keyword} {text} {distinction.unit}".rstrip()
