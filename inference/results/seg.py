"""Segments as a DICOM Segmentation on the source grid (PS3.3 A.51)."""

from collections.abc import Sequence

import highdicom as hd
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian

from inference.findings.build import tracking_identifier
from inference.imaging.directions import in_words
from inference.imaging.volume import Volume
from inference.pipeline import Pipeline, PipelineOutput, Segment
from inference.result_identity import (
    DEVICE_SERIAL_NUMBER,
    MANUFACTURER,
    ResultKindName,
    made_at,
    result_identity,
    result_series_description,
    result_series_number,
    segment_tracking_uid,
    segmentation_description,
    segmentation_label,
    software_versions,
)
from inference.results.coding import dicom_code
from inference.results.equipment import contributing_equipment, finish
from inference.results.iod_questions import answer_once
from inference.results.masks.edit import Edit
from inference.results.observer import person_name
from inference.results.patient_and_study import inherit_patient_and_study
from inference.results.source_frames import in_source_order, name_own_frames, state_derivation
from inference.results.source_references import integer_of
from storage.core.entities import Job
from storage.core.findings import Direction
from storage.core.text.long_string import long_string
from storage.core.text.outside_text import clean_text

answer_once()

# Up to so many segments, frames without a voxel are kept.
_KEEPS_EMPTY_FRAMES = 4


def encode_seg(
    job: Job,
    pipeline: Pipeline,
    sources: Sequence[Dataset],
    volume: Volume,
    output: PipelineOutput,
    edit: Edit | None = None,
    *,
    as_label_map: bool = False,
) -> Dataset:
    """A BINARY Segmentation with one frame a source frame and segment.

    `as_label_map`: one frame a source frame, whose values are the numbers of the segments
    (PS3.3 A.51, Label Map Segmentation Storage); the masks must not overlap.

    Frames without a voxel are kept for a few segments and in a label map, since viewers exist
    that place what remains of an incomplete stack wrongly; for many they would be most of the
    object. Each
    frame states its position and refers to the source frame of which it is the mask. UIDs
    and dates derive from the job, so a rerun repeats them.
    """
    first = sources[volume.instance_indices[0]]
    kind: ResultKindName = "LABELMAP" if as_label_map else "SEG"
    identity = result_identity(job, kind)
    at = made_at(job, first)
    if output.masks is None:
        raise ValueError("A pipeline gave segments without masks.")
    references, masks = in_source_order(sources, volume, output.masks)
    segmentation = hd.seg.Segmentation(
        source_images=references,
        pixel_array=masks,
        segmentation_type=hd.seg.SegmentationTypeValues.LABELMAP
        if as_label_map
        else hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[
            describe_segment(job, pipeline, segment, number, output.cut_off_at(number - 1), edit)
            for number, segment in enumerate(output.segments, start=1)
        ],
        series_instance_uid=identity.series_instance_uid,
        series_number=result_series_number(integer_of(first, "SeriesNumber"), kind),
        sop_instance_uid=identity.sop_instance_uid,
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=software_versions(pipeline),
        device_serial_number=DEVICE_SERIAL_NUMBER,
        content_description=segmentation_description(pipeline, by=edit.word if edit else ""),
        content_label=segmentation_label(pipeline) if edit is None else edit.word.upper(),
        omit_empty_frames=not as_label_map and len(output.segments) > _KEEPS_EMPTY_FRAMES,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        series_description=result_series_description(
            pipeline,
            f"{'' if edit is None else f'{edit.word} '}{'label map' if as_label_map else 'mask'}",
        ),
        content_date=at.date(),
        content_time=at.time(),
        series_date=at.date(),
        series_time=at.time(),
    )
    for item in (*segmentation.DimensionOrganizationSequence, *segmentation.DimensionIndexSequence):
        item.DimensionOrganizationUID = identity.dimension_organization_uid
    name_own_frames(segmentation, volume)
    if output.derivation:
        state_derivation(segmentation, clean_text(output.derivation, lines=True))
    # Type 2 (PS3.3 Table 10-12): a model is nobody.
    segmentation.ContentCreatorName = None
    if edit is not None:
        _name_editor(segmentation, edit)
    inherit_patient_and_study(segmentation, first)
    return finish(segmentation, at, contributing_equipment(pipeline, first, at))


def _name_editor(segmentation: Dataset, edit: Edit) -> None:
    """Who changed it, and which Segmentation it was made of. Of clicks that several people, or a
    program, accepted there is no one person; the report names the observer of each segment."""
    creator = edit.only_observer if edit.is_clicked else edit.author
    if creator is not None and (creator.is_person or not edit.is_clicked):
        segmentation.ContentCreatorName = person_name(creator)
    if edit.predecessor is None:
        return
    reference = Dataset()
    reference.ReferencedSOPClassUID = edit.predecessor.SOPClassUID
    reference.ReferencedSOPInstanceUID = edit.predecessor.SOPInstanceUID
    reference.PurposeOfReferenceCodeSequence = [
        hd.sr.CodedConcept.from_code(codes.DCM.SourceImageForImageProcessingOperation)
    ]
    segmentation.SourceImageSequence = [reference]


def describe_segment(
    job: Job,
    pipeline: Pipeline,
    segment: Segment,
    number: int,
    cut_off: Sequence[Direction],
    edit: Edit | None,
) -> hd.seg.SegmentDescription:
    card = pipeline.card
    description = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=long_string(segment.label),
        segmented_property_category=dicom_code(segment.category),
        segmented_property_type=dicom_code(segment.type),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.SEMIAUTOMATIC
        if edit is not None and edit.observer_of(number) is not None
        else hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=card.name,
            family=dicom_code(card.family),
            version=card.version,
            source=long_string(card.source),
        ),
        tracking_uid=segment_tracking_uid(job, segment),
        tracking_id=tracking_identifier(pipeline, segment.label),
        display_color=hd.color.CIELabColor.from_rgb(*segment.color_rgb),
    )
    if cut_off:
        # ST, and in ASCII, whatever character set the images have.
        description.SegmentDescription = f"Truncated: the images cut it off {in_words(cut_off)}."
    if segment.laterality is not None:
        description.SegmentedPropertyTypeCodeSequence[
            0
        ].SegmentedPropertyTypeModifierCodeSequence = [
            hd.sr.CodedConcept.from_code(dicom_code(segment.laterality))
        ]
    return description
