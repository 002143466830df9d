"""Structures that somebody contoured on a series (RTSTRUCT), as inputs of a pipeline."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.contour_filling import filled
from inference.imaging.volume import Volume
from inference.input_selection.input_candidates import Candidate, Chosen, listed_reasons
from inference.pipeline import NamedInput, StructuresWanted
from inference.refusals import VolumeRefused
from storage.core.entities import Instance, JobInput
from storage.core.text.outside_text import text_from_outside
from storage.integrity.instance_reader import InstanceReader

STRUCTURES_MODALITY = "RTSTRUCT"
_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
_POINTS_AT_MOST = 5_000_000
"""Of all structures that are meant together."""
_FILE_BYTES_AT_MOST = 256 << 20
"""So many points take 200 MB as text."""
_NUMBERS_AT_ONCE_BYTES = 1 << 20
_NAMES_AT_MOST, _NAME_AT_MOST = 6, 64
_REMEDY = "Send a structure set that was drawn on the series."


@dataclass(frozen=True)
class ChosenStructures:
    """The structure set that fills a role, and which ROIs of it are meant, by number and name."""

    role: NamedInput
    candidate: Candidate
    instance: Instance
    rois: tuple[tuple[int, str], ...]
    approval: str
    """APPROVED, UNAPPROVED, …; empty where it is not stated."""

    @property
    def name(self) -> str:
        """For people."""
        names = ", ".join(name for _, name in self.rois[:_NAMES_AT_MOST])
        more = len(self.rois) - _NAMES_AT_MOST
        rest = f" and {more} more" if more > 0 else ""
        return f"{names}{rest} of the structure set in {self.candidate.name}"

    @property
    def input(self) -> JobInput:
        series = self.candidate.series
        return JobInput(
            self.role.name,
            series.series_instance_uid,
            series.fingerprint,
            series.study_instance_uid,
        )


@dataclass(frozen=True)
class StructuresFound:
    """By role; `why_none` of each other role."""

    chosen: Mapping[str, ChosenStructures] = field(default_factory=dict)
    why_none: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LoadedStructures:
    """`volume`: the mask on the grid of the reference; `header`: the structure set without its
    contours, as evidence."""

    chosen: ChosenStructures
    volume: Volume
    header: Dataset

    @property
    def text(self) -> str:
        """Which they are, in a few words."""
        approval = f", {self.chosen.approval}" if self.chosen.approval else ""
        return f"by contours: {self.chosen.name}{approval}"


def choose_structures(
    roles: Sequence[NamedInput],
    candidates: Sequence[Candidate],
    reference: Chosen,
    only: Mapping[str, JobInput] | None = None,
) -> StructuresFound:
    """The newest structure set of the reference that has a structure that is meant.

    `only`: as in `choose_inputs`. One structure set may fill several roles.
    """
    sets = sorted(
        (
            (_dated(header), candidate, instance, header)
            for candidate in candidates
            if candidate.series.modality == STRUCTURES_MODALITY
            for instance, header in zip(candidate.instances, candidate.headers, strict=True)
        ),
        key=lambda one: (one[0], one[2].sop_instance_uid),
        reverse=True,
    )
    chosen: dict[str, ChosenStructures] = {}
    why_none: dict[str, str] = {}
    for role in roles:
        if only is not None and role.name not in only:
            continue
        wanted = role.structures or StructuresWanted()
        reasons = []
        for _, candidate, instance, header in sets:
            uid = candidate.series.series_instance_uid
            if only is not None and only[role.name].series_instance_uid != uid:
                continue
            if not _is_of(header, reference):
                reasons.append(f"{candidate.name}: It was drawn on another series.")
                continue
            rois = tuple(_meant(header, wanted))
            if rois:
                approval = text_from_outside(str(header.get("ApprovalStatus") or ""), 16)
                chosen[role.name] = ChosenStructures(role, candidate, instance, rois, approval)
                break
            reasons.append(f"{candidate.name}: {_what_it_has(header)}")
        else:
            why_none[role.name] = (
                f"No structure set has {role.title}. {listed_reasons(reasons, 'structure sets')}"
                if reasons
                else f"There is no complete structure set for {role.title}."
            )
    return StructuresFound(chosen, why_none)


def load_structures(
    instance_reader: InstanceReader, one: ChosenStructures, reference: Volume
) -> LoadedStructures:
    """The mask of all structures that are meant, with the values that the card wants, on the grid
    of the reference.

    Raises VolumeRefused where contours lie elsewhere than in its slices.
    """
    if one.instance.size_bytes > _FILE_BYTES_AT_MOST:
        raise VolumeRefused(
            f"{one.name} has {one.instance.size_bytes >> 20} MiB; {_FILE_BYTES_AT_MOST >> 20} MiB"
            " are the most.",
            remedy="Send a structure set with fewer points.",
        )
    header = instance_reader.dataset(one.instance)
    inside = np.zeros(reference.voxels.shape, np.bool_)
    room = _PointRoom()
    for number, name in dict(one.rois).items():
        contours = _contours(header, number, room)
        try:
            inside |= filled(contours, reference.lps_from_kji, _shape(reference))
        except VolumeRefused as refusal:
            raise VolumeRefused(
                f"The structure {name} cannot be taken: {refusal.message}", remedy=refusal.remedy
            ) from refusal
    if not inside.any():
        raise VolumeRefused(f"{one.name} encloses no voxel of the series.", remedy=_REMEDY)
    values = (one.role.structures or StructuresWanted()).values
    volume = replace(
        reference,
        voxels=np.where(inside, np.float32(values[1]), np.float32(values[0])),
        modality=STRUCTURES_MODALITY,
        padding_ranges=np.full_like(reference.padding_ranges, np.nan),
    )
    for keyword in ("ROIContourSequence", "RTROIObservationsSequence"):
        if keyword in header:
            del header[keyword]
    return LoadedStructures(one, volume, header)


def _shape(volume: Volume) -> tuple[int, int, int]:
    slices, rows, columns = volume.voxels.shape
    return slices, rows, columns


class _PointRoom:
    """Points are counted before they are decoded."""

    def __init__(self) -> None:
        self._left = _POINTS_AT_MOST

    def take(self, points: int) -> None:
        """Raises VolumeRefused."""
        self._left -= points
        if self._left < 0:
            raise VolumeRefused(
                f"The contours have more than {_POINTS_AT_MOST:,} points.", remedy=_REMEDY
            )


def _contours(header: Dataset, number: int, room: _PointRoom) -> Iterator[NDArray[np.float64]]:
    for roi in header.get("ROIContourSequence") or ():
        if _number(roi, "ReferencedROINumber") != number:
            continue
        for contour in roi.get("ContourSequence") or ():
            kind = str(contour.get("ContourGeometricType") or "").strip()
            if kind not in _CLOSED:
                raise VolumeRefused(
                    f"It has a contour of type {text_from_outside(kind, 20) or 'none'}, which"
                    " encloses nothing.",
                    remedy=_REMEDY,
                )
            points = _points(contour, room)
            if len(points) > 2:
                yield points


def _points(contour: Dataset, room: _PointRoom) -> NDArray[np.float64]:
    """In mm (LPS), shape (points, 3). Raises VolumeRefused where they are none."""
    # As text: pydicom makes objects of twenty times its length.
    element = contour.get_item("ContourData")
    value = None if element is None else element.value
    if isinstance(value, bytes):
        room.take((value.count(b"\\") + 1) // 3)
    try:
        numbers = _decoded(value) if isinstance(value, bytes) else _made_numbers(value)
        points = numbers.reshape(-1, 3)
    except (TypeError, ValueError) as error:
        raise VolumeRefused(
            "It has a contour whose points are no triples of numbers.", remedy=_REMEDY
        ) from error
    if not np.isfinite(points).all():
        raise VolumeRefused("It has a contour with points that are no numbers.", remedy=_REMEDY)
    return points


def _decoded(text: bytes) -> NDArray[np.float64]:
    """Decimal strings, some at a time. Raises ValueError."""
    text = text.rstrip(b" \0")
    parts: list[NDArray[np.float64]] = []
    start = 0
    while start < len(text):
        end = text.find(b"\\", start + _NUMBERS_AT_ONCE_BYTES)
        end = len(text) if end < 0 else end
        numbers = text[start:end].split(b"\\")
        parts.append(np.array([float(one) for one in numbers], np.float64))
        start = end + 1
    return np.concatenate(parts) if parts else np.empty(0, np.float64)


def _made_numbers(value: object) -> NDArray[np.float64]:
    """Of a data set that was made in memory. Raises TypeError, ValueError."""
    numbers = value if isinstance(value, Iterable) and not isinstance(value, str) else ()
    return np.array([float(one) for one in numbers], np.float64)


def _meant(header: Dataset, wanted: StructuresWanted) -> Iterator[tuple[int, str]]:
    """Number and name of each ROI that is meant: by its name, or by its code."""
    coded = _codes(header)
    names = {_folded(one) for one in wanted.names}
    for roi in header.get("StructureSetROISequence") or ():
        number = _number(roi, "ROINumber")
        name = str(roi.get("ROIName") or "")
        if number is None:
            continue
        if _folded(name) in names or coded.get(number, set()) & set(wanted.codes):
            yield number, text_from_outside(name, _NAME_AT_MOST) or f"ROI {number}"


def _codes(header: Dataset) -> dict[int, set[tuple[str, str]]]:
    """By number of the ROI what it is identified as (PS3.3 C.8.8.8), code and scheme."""
    found: dict[int, set[tuple[str, str]]] = {}
    for item in header.get("RTROIObservationsSequence") or ():
        number = _number(item, "ReferencedROINumber")
        if number is None:
            continue
        for code in item.get("RTROIIdentificationCodeSequence") or ():
            pair = str(code.get("CodeValue") or ""), str(code.get("CodingSchemeDesignator") or "")
            found.setdefault(number, set()).add(pair)
    return found


def _what_it_has(header: Dataset) -> str:
    rois = header.get("StructureSetROISequence") or ()
    names = [text_from_outside(str(one.get("ROIName") or ""), _NAME_AT_MOST) for one in rois]
    shown = ", ".join(one for one in names[:_NAMES_AT_MOST] if one)
    more = len(names) - _NAMES_AT_MOST
    if not shown:
        return "It names no structures."
    return f"It has {shown}{f' and {more} more' if more > 0 else ''}."


def _is_of(header: Dataset, reference: Chosen) -> bool:
    """Whether it was drawn on the series: as it names it, or where it names none by the Frame of
    Reference."""
    series = reference.candidate.series.series_instance_uid
    named: set[str] = set()
    frames: set[str] = set()
    for frame in header.get("ReferencedFrameOfReferenceSequence") or ():
        frames.add(str(frame.get("FrameOfReferenceUID") or ""))
        for study in frame.get("RTReferencedStudySequence") or ():
            for one in study.get("RTReferencedSeriesSequence") or ():
                named.add(str(one.get("SeriesInstanceUID") or ""))
    if named - {""}:
        return series in named
    return bool(reference.frame_of_reference_uid) and reference.frame_of_reference_uid in frames


def _dated(header: Dataset) -> str:
    """By when it was made, as text that sorts."""
    date = str(header.get("StructureSetDate") or header.get("SeriesDate") or "")
    return f"{date}{header.get('StructureSetTime') or header.get('SeriesTime') or ''}"


def _number(item: Dataset, keyword: str) -> int | None:
    try:
        return int(item.get(keyword))
    except (TypeError, ValueError):
        return None


def _folded(name: str) -> str:
    """Names are compared by their letters, not by case and blanks."""
    return " ".join(name.casefold().split())
