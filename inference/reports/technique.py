"""How the images were made, as their headers state it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from pydicom.dataset import Dataset

from inference.imaging.acquisition.contrast_agent import (
    contrast_agent_name,
    frames_with_contrast_agent,
)
from inference.imaging.acquisition.field_strength import field_strength_t
from inference.imaging.acquisition.pulse_sequence import scanning_sequence
from inference.imaging.acquisition.reconstruction import kernels_of
from inference.imaging.headers import only_number, texts
from inference.series_classification.mr_contrast import mr_contrast
from storage.core.entities import Instance, Series
from storage.integrity.instance_reader import InstanceReader

_WORD_LENGTH = 40
_READ_AT_MOST = 2_000
_WEIGHTINGS = {"T1", "T2", "PD", "FLAIR", "T2*", "DWI"}


@dataclass(frozen=True)
class SeriesTechnique:
    """What the headers of one series say; None or empty where they do not."""

    series_instance_uid: str
    series_number: int | None
    modality: str
    body_part: str
    pipelines: tuple[str, ...]
    images: int
    is_one_of_several_stacks: bool = False
    """Whether the images are more than were analysed."""
    weighting: str = ""
    acquisition: str = ""
    """2D or 3D."""
    sequence: str = ""
    """`GR`, `SE` or `IR`, as ScanningSequence codes it."""
    slice_thickness_mm: float | None = None
    slice_distance_mm: float | None = None
    repetition_time_ms: float | None = None
    echo_time_ms: float | None = None
    inversion_time_ms: float | None = None
    flip_angle_deg: float | None = None
    field_strength_t: float | None = None
    kvp: float | None = None
    kernel: str = ""
    contrast_agent: str | None = None
    """As a header names it, empty where none does; None where none is recorded."""
    images_without_contrast: int = 0
    """How many of the images that were read record none, where others do."""
    is_contrast_known: bool = True
    """Whether all images were asked for one."""
    among_namesakes: str = ""
    """`1/2` where two series of the study have this number, and this is the first of them."""

    @property
    def shown_number(self) -> str:
        """Empty where there is none; what distinguishes it from another series of that number."""
        number = "" if self.series_number is None else str(self.series_number)
        return f"{number} ({self.among_namesakes})" if number and self.among_namesakes else number


def technique_of(
    instance_reader: InstanceReader,
    series: Series,
    instances: Sequence[Instance],
    pipelines: tuple[str, ...],
) -> SeriesTechnique:
    """What the images of a series state alike.

    A series may hold several stacks (kernels, echoes, before and after contrast agent), one after
    another or in turn, and which of them was measured is not known here.
    """
    frames = sum(instance.number_of_frames or 1 for instance in instances)
    indices = _all_over(len(instances))
    read = [instances[index] for index in indices]
    found = _in_common(
        [
            technique_from(
                instance_reader.header(one), series, one.number_of_frames or 1, pipelines
            )
            for one in read
        ]
    )
    return replace(found, images=frames, is_contrast_known=len(read) == len(instances))


def _all_over(count: int) -> Sequence[int]:
    """Which images are read: all, or as many as that takes about a second."""
    if count <= _READ_AT_MOST:
        return range(count)
    return [index * count // _READ_AT_MOST for index in range(_READ_AT_MOST)]


def _in_common(found: Sequence[SeriesTechnique]) -> SeriesTechnique:
    """One technique, without what differs; with contrast agent where any image has it."""
    first = found[0]
    differing: dict[str, Any] = {
        field.name: field.default
        for field in fields(SeriesTechnique)
        if any(getattr(one, field.name) != getattr(first, field.name) for one in found)
    }
    agents = [one.contrast_agent for one in found if one.contrast_agent is not None]
    contrast = {
        "contrast_agent": max(agents, default=None),
        "images_without_contrast": sum(
            one.images if one.contrast_agent is None else one.images_without_contrast
            for one in found
        )
        if agents
        else 0,
    }
    return replace(first, **(differing | contrast))


def technique_from(
    header: Dataset, series: Series, images: int, pipelines: tuple[str, ...] = ()
) -> SeriesTechnique:
    is_mr, is_ct = series.modality == "MR", series.modality == "CT"
    weighting = mr_contrast(header) if is_mr else ""
    kernels = kernels_of(header) if is_ct else ()
    timing, measures = "MRTimingAndRelatedParametersSequence", "PixelMeasuresSequence"
    given, frames = frames_with_contrast_agent(header)
    return SeriesTechnique(
        series_instance_uid=series.series_instance_uid,
        series_number=series.series_number,
        modality=series.modality,
        body_part=series.body_part_examined.upper().replace(" ", ""),
        pipelines=pipelines,
        images=images,
        weighting=weighting if weighting in _WEIGHTINGS else "",
        acquisition=_word(header, "MRAcquisitionType") if is_mr else "",
        sequence=_sequence(header) if is_mr else "",
        slice_thickness_mm=only_number(header, measures, "SliceThickness"),
        slice_distance_mm=only_number(header, measures, "SpacingBetweenSlices"),
        repetition_time_ms=only_number(header, timing, "RepetitionTime") if is_mr else None,
        echo_time_ms=only_number(header, "MREchoSequence", "EchoTime", "EffectiveEchoTime")
        if is_mr
        else None,
        inversion_time_ms=only_number(
            header, "MRModifierSequence", "InversionTime", "InversionTimes"
        )
        if is_mr
        else None,
        flip_angle_deg=only_number(header, timing, "FlipAngle") if is_mr else None,
        field_strength_t=field_strength_t(header) if is_mr else None,
        kvp=only_number(header, "CTXRayDetailsSequence", "KVP") if is_ct else None,
        kernel=kernels[0] if len(kernels) == 1 else "",
        contrast_agent=_as_word([contrast_agent_name(header)]) if given else None,
        images_without_contrast=images * (frames - given) // frames if given else 0,
    )


def _sequence(header: Dataset) -> str:
    coded = scanning_sequence(header)
    return next((code for code in ("IR", "GR", "SE", "EP") if code in coded), "")


def _word(header: Dataset, keyword: str) -> str:
    """The first value, as far as it is a word and not somebody's prose."""
    return _as_word(texts(header.get(keyword)))


def _as_word(found: Sequence[str]) -> str:
    text = " ".join(found[0].split()) if found else ""
    return text if len(text) <= _WORD_LENGTH and text.isprintable() else ""
