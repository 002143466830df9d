"""Secondary captures (PS3.3 A.8.1) of a result, for a PACS that shows neither SEG nor SR."""

from collections.abc import Sequence

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID, ExplicitVRLittleEndian

from inference.imaging.frames import is_multiframe
from inference.pipeline import Pipeline
from inference.result_identity import (
    DEVICE_SERIAL_NUMBER,
    MANUFACTURER,
    ResultKindName,
    made_at,
    result_identity,
    result_series_description,
    result_series_number,
    software_versions,
)
from inference.results.equipment import contributing_equipment, finish
from inference.results.narrative import as_dicom_text, note_of
from inference.results.patient_and_study import inherit_patient_and_study
from inference.results.pictures.render import Picture
from inference.results.source_references import integer_of
from storage.core.entities import Job


def encode_captures(
    job: Job, pipeline: Pipeline, sources: Sequence[Dataset], pictures: Sequence[Picture]
) -> list[Dataset]:
    """One RGB instance a picture, in a series of its own, each naming the frame it shows.

    UIDs and dates derive from the job, so a rerun repeats them.
    """
    return [
        _capture(job, pipeline, sources[picture.instance_index], picture, number)
        for number, picture in enumerate(pictures, start=1)
    ]


def _capture(
    job: Job, pipeline: Pipeline, source: Dataset, picture: Picture, number: int
) -> Dataset:
    identity = result_identity(job, "SC")
    capture = secondary_capture(
        job, pipeline, source, "SC", picture.rgb, picture.spacing_mm, picture.patient_orientation
    )
    uid = UID(job.uids.derive("instance", identity.sop_instance_uid, str(number)))
    capture.SOPInstanceUID = capture.file_meta.MediaStorageSOPInstanceUID = uid
    capture.InstanceNumber = number
    capture.LossyImageCompression = "00"
    capture.DerivationDescription = (
        f"{pipeline.name} {pipeline.version}: {', '.join(picture.segment_labels)}"
    )[:1024]
    # LT holds 10,240 characters.
    capture.ImageComments = as_dicom_text("\r\n".join((note_of(pipeline), *picture.lines)))[:10_240]
    frame_number = picture.frame_number if is_multiframe(source) else None
    capture.SourceImageSequence = [source_reference(source, frame_number)]
    return capture


def secondary_capture(
    job: Job,
    pipeline: Pipeline,
    source: Dataset,
    kind: ResultKindName,
    rgb: NDArray[np.uint8],
    spacing_mm: float | None,
    patient_orientation: tuple[str, str] | None,
) -> Dataset:
    """What all captures have in common, with `rgb` (rows, columns, 3) as their pixels.

    `spacing_mm` and `patient_orientation` are None where the source does not state them.
    """
    identity = result_identity(job, kind)
    at = made_at(job, source)
    capture = hd.sc.SCImage(
        pixel_array=rgb,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        study_instance_uid=str(source.StudyInstanceUID),
        series_instance_uid=identity.series_instance_uid,
        series_number=result_series_number(integer_of(source, "SeriesNumber"), kind),
        sop_instance_uid=identity.sop_instance_uid,
        instance_number=1,
        manufacturer=MANUFACTURER,
        patient_orientation=patient_orientation or ("L", "F"),
        pixel_spacing=None if spacing_mm is None else (spacing_mm, spacing_mm),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        series_description=result_series_description(
            pipeline, "pictures" if kind == "SC" else "all slices"
        ),
        manufacturer_model_name=MANUFACTURER,
        device_serial_number=DEVICE_SERIAL_NUMBER,
        software_versions=software_versions(pipeline),
        # In the zone of the images, which may be ahead of the machine's own.
        content_date=at.date(),
        content_time=at.time(),
        series_date=at.date(),
        series_time=at.time(),
    )
    if patient_orientation is None:
        capture.PatientOrientation = None
    capture.ImageType = ["DERIVED", "SECONDARY"]
    capture.ContentTime = at.strftime("%H%M%S")
    capture.DateOfSecondaryCapture = capture.ContentDate
    capture.TimeOfSecondaryCapture = capture.ContentTime
    # What is burned in is no identity: orientation, numbers, and that nobody has verified them.
    capture.BurnedInAnnotation = "NO"
    capture.Laterality = None
    inherit_patient_and_study(capture, source)
    return finish(capture, at, contributing_equipment(pipeline, source, at))


def source_reference(source: Dataset, frame_number: int | list[int] | None) -> Dataset:
    """The image that a capture shows, and which frame or frames of it."""
    reference = Dataset()
    reference.ReferencedSOPClassUID = source.SOPClassUID
    reference.ReferencedSOPInstanceUID = source.SOPInstanceUID
    if frame_number is not None:
        reference.ReferencedFrameNumber = frame_number
    reference.PurposeOfReferenceCodeSequence = [
        hd.sr.CodedConcept.from_code(codes.DCM.SourceImageForImageProcessingOperation)
    ]
    return reference
