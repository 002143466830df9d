"""Segments as an RT Structure Set (PS3.3 A.19), for planning systems and viewers of contours."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, ImplicitVRLittleEndian, RTStructureSetStorage

from inference.imaging.volume import Volume
from inference.pipeline import Pipeline, PipelineOutput, Segment
from inference.result_identity import (
    DEVICE_SERIAL_NUMBER,
    MANUFACTURER,
    made_at,
    result_identity,
    result_series_description,
    result_series_number,
    software_versions,
)
from inference.results.contours import contours
from inference.results.equipment import contributing_equipment, finish
from inference.results.masks.edit import Edit
from inference.results.narrative import note_of
from inference.results.patient_and_study import inherit_patient_and_study
from inference.results.source_references import integer_of, reference_to, shortened
from storage.core.entities import Job
from storage.core.findings import Code
from storage.core.text.long_string import long_string

# (Detached) Study Management, retired; the attribute is Type 1 all the same.
_STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"
_DECIMALS_MM = 4


@dataclass(frozen=True)
class StructureSetHead:
    """What a structure set says of itself and of who made it, whether a model or a person.

    `label` (SH) and `description` (ST) are of the whole set; `roi_description` and the ROI
    generation algorithm (PS3.3 C.8.8.5) of each of its structures.
    """

    series_instance_uid: str
    sop_instance_uid: str
    at: datetime
    series_description: str
    label: str
    description: str
    software_versions: list[str]
    roi_description: str
    generation_algorithms: tuple[str, ...]
    """AUTOMATIC, SEMIAUTOMATIC or MANUAL, of each structure."""
    generation_description: str
    equipment: Sequence[Dataset]


def encode_structure_set(
    job: Job,
    pipeline: Pipeline,
    sources: Sequence[Dataset],
    volume: Volume,
    output: PipelineOutput,
    edit: Edit | None = None,
) -> Dataset:
    """The segments of a job; UIDs and dates derive from it, so a rerun repeats them."""
    first = sources[volume.instance_indices[0]]
    identity = result_identity(job, "RTSTRUCT")
    at = made_at(job, first)
    by = "AI_" if pipeline.card.is_ai else ""
    head = StructureSetHead(
        series_instance_uid=identity.series_instance_uid,
        sop_instance_uid=identity.sop_instance_uid,
        at=at,
        series_description=result_series_description(pipeline, "contours"),
        label=f"{by}{'UNVERIFIED' if edit is None else edit.word.upper()}",
        description=f"{pipeline.name} {pipeline.version}. {note_of(pipeline)}",
        software_versions=software_versions(pipeline),
        roi_description=note_of(pipeline),
        generation_algorithms=tuple(
            "AUTOMATIC" if edit is None or edit.observer_of(number) is None else "SEMIAUTOMATIC"
            for number in range(1, len(output.segments) + 1)
        ),
        generation_description=f"{pipeline.name} {pipeline.version}",
        equipment=contributing_equipment(pipeline, first, at),
    )
    return write_structure_set(head, sources, volume, output)


def write_structure_set(
    head: StructureSetHead,
    sources: Sequence[Dataset],
    volume: Volume,
    output: PipelineOutput,
) -> Dataset:
    """One ROI a segment, with its contours in mm (LPS) on each slice that it touches.

    A contour runs along the edges of the pixels and encloses their centres exactly, so that who
    fills it on the grid of the images has the mask again.
    """
    first = sources[volume.instance_indices[0]]
    images = _Images(sources, volume)
    structures = Dataset()
    structures.file_meta = FileMetaDataset()
    # In Explicit VR a decimal string ends at 64 KiB, some 2,400 points.
    structures.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    structures.file_meta.MediaStorageSOPClassUID = RTStructureSetStorage
    structures.file_meta.MediaStorageSOPInstanceUID = UID(head.sop_instance_uid)
    structures.SOPClassUID = RTStructureSetStorage
    structures.SOPInstanceUID = head.sop_instance_uid
    structures.Modality = "RTSTRUCT"
    structures.SeriesInstanceUID = head.series_instance_uid
    structures.SeriesNumber = result_series_number(integer_of(first, "SeriesNumber"), "RTSTRUCT")
    structures.SeriesDescription = head.series_description
    structures.SeriesDate = structures.StructureSetDate = head.at.strftime("%Y%m%d")
    structures.SeriesTime = structures.StructureSetTime = head.at.strftime("%H%M%S")
    structures.OperatorsName = None
    structures.Manufacturer = structures.ManufacturerModelName = MANUFACTURER
    structures.DeviceSerialNumber = DEVICE_SERIAL_NUMBER
    structures.SoftwareVersions = head.software_versions
    structures.InstanceNumber = 1
    structures.FrameOfReferenceUID = images.frame_of_reference_uid
    structures.PositionReferenceIndicator = None
    structures.StructureSetLabel = head.label
    structures.StructureSetDescription = head.description
    structures.ReferencedFrameOfReferenceSequence = Items([images.frame_of_reference()])
    numbered = list(enumerate(output.segments, start=1))
    structures.StructureSetROISequence = Items(
        _roi(head, segment, number, images.frame_of_reference_uid) for number, segment in numbered
    )
    structures.ROIContourSequence = Items(
        _contours(images, output, segment, number) for number, segment in numbered
    )
    structures.RTROIObservationsSequence = Items(
        _observation(segment, number) for number, segment in numbered
    )
    structures.ApprovalStatus = "UNAPPROVED"
    inherit_patient_and_study(structures, first)
    structures.ContributingEquipmentSequence = Items()
    return finish(structures, head.at, head.equipment)


class _Images:
    """The slices of a volume as a structure set refers to them."""

    def __init__(self, sources: Sequence[Dataset], volume: Volume) -> None:
        self._sources = sources
        self._volume = volume
        first = reference_to(sources[volume.instance_indices[0]])
        self.frame_of_reference_uid = str(first.FrameOfReferenceUID)
        self._study = str(first.StudyInstanceUID)
        self._series = str(first.SeriesInstanceUID)

    def image(self, k: int) -> Dataset:
        source = self._sources[self._volume.instance_indices[k]]
        image = Dataset()
        image.ReferencedSOPClassUID = source.SOPClassUID
        image.ReferencedSOPInstanceUID = source.SOPInstanceUID
        if self._volume.is_multiframe:
            image.ReferencedFrameNumber = self._volume.frame_numbers[k]
        return image

    def frame_of_reference(self) -> Dataset:
        series = Dataset()
        series.SeriesInstanceUID = self._series
        series.ContourImageSequence = Items(
            self.image(k) for k in range(len(self._volume.sop_instance_uids))
        )
        study = Dataset()
        study.ReferencedSOPClassUID = _STUDY_CLASS
        study.ReferencedSOPInstanceUID = self._study
        study.RTReferencedSeriesSequence = Items([series])
        frame = Dataset()
        frame.FrameOfReferenceUID = self.frame_of_reference_uid
        frame.RTReferencedStudySequence = Items([study])
        return frame

    def in_patient_mm(self, k: int, polygon: NDArray[np.int64]) -> NDArray[np.float64]:
        """Corners of pixels of slice k, shape (points, 2) as (column, row), as LPS in mm."""
        columns, rows = polygon.T - 0.5
        indices = np.stack([np.full(len(rows), float(k)), rows, columns, np.ones(len(rows))])
        found: NDArray[np.float64] = (self._volume.lps_from_kji @ indices)[:3].T
        return found.round(_DECIMALS_MM) + 0.0


def _roi(
    head: StructureSetHead, segment: Segment, number: int, frame_of_reference_uid: str
) -> Dataset:
    roi = Dataset()
    roi.ROINumber = number
    roi.ReferencedFrameOfReferenceUID = frame_of_reference_uid
    roi.ROIName = long_string(segment.label)
    roi.ROIDescription = head.roi_description
    roi.ROIGenerationAlgorithm = head.generation_algorithms[number - 1]
    roi.ROIGenerationDescription = long_string(head.generation_description)
    return roi


def _contours(images: _Images, output: PipelineOutput, segment: Segment, number: int) -> Dataset:
    roi = Dataset()
    roi.ReferencedROINumber = number
    roi.ROIDisplayColor = list(segment.color_rgb)
    roi.ContourSequence = Items(_contours_of(images, output, number - 1))
    if not roi.ContourSequence:
        del roi.ContourSequence  # Type 3, and never empty
    return roi


def _contours_of(images: _Images, output: PipelineOutput, index: int) -> Iterator[Dataset]:
    masks = output.masks
    if masks is None:
        return
    for k in range(masks.shape[0]):
        for polygon in contours(output.mask(index, k)):
            contour = Dataset()
            contour.ContourImageSequence = Items([images.image(k)])
            contour.ContourGeometricType = "CLOSED_PLANAR"
            contour.NumberOfContourPoints = len(polygon)
            contour.ContourData = shortened(images.in_patient_mm(k, polygon).ravel())
            yield contour


def _observation(segment: Segment, number: int) -> Dataset:
    observation = Dataset()
    observation.ObservationNumber = number
    observation.ReferencedROINumber = number
    observation.RTROIIdentificationCodeSequence = Items([_coded(segment.type)])
    # Whether a lesion is a target is for people to say.
    observation.RTROIInterpretedType = None if segment.is_lesion else "ORGAN"
    observation.ROIInterpreter = None
    return observation


def _coded(code: Code) -> Dataset:
    coded: Dataset = hd.sr.CodedConcept(code.value, code.scheme_designator, code.meaning)
    return coded
