"""Masks on a single image as a Segmentation (PS3.3 A.51), with or without a Frame of Reference."""

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from inference.pipeline import ImageResult, Pipeline
from inference.result_identity import (
    DEVICE_SERIAL_NUMBER,
    MANUFACTURER,
    image_object_uid,
    made_at,
    result_identity,
    result_series_description,
    result_series_number,
    segmentation_description,
    segmentation_label,
    software_versions,
    tracking_uid,
)
from inference.results.equipment import contributing_equipment, finish
from inference.results.patient_and_study import inherit_patient_and_study
from inference.results.seg import describe_segment
from inference.results.single_images.frame_masks import put_frames, reference_to_one_frame
from inference.results.single_images.references import image_reference
from inference.results.source_references import integer_of
from storage.core.entities import Job


def encode_image_seg(
    job: Job, pipeline: Pipeline, source: Dataset, image: ImageResult, number: int, derivation: str
) -> Dataset:
    """A BINARY Segmentation with one frame a segment, of the rows and columns of its image; of a
    multi-frame image with one for each of its frames that the segment is marked on.

    An image without a Frame of Reference has no place in the patient, and its mask neither: the
    Derivation Image of each frame says of which image it is the mask, pixel by pixel (PS3.3
    C.7.6.16.2.6). `number` is that of the object in its series.
    """
    identity = result_identity(job, "SEG")
    at = made_at(job, source)
    of_frames = bool(image.frame_numbers)
    masks = np.stack(
        [
            image.mask(index).any(axis=0) if of_frames else image.mask(index)
            for index in range(len(image.segments))
        ],
        axis=-1,
    )
    segmentation = hd.seg.Segmentation(
        source_images=[reference_to_one_frame(source) if of_frames else image_reference(source)],
        pixel_array=masks[None].astype(np.uint8),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[
            describe_segment(job, pipeline, segment, index, (), None)
            for index, segment in enumerate(image.segments, start=1)
        ],
        series_instance_uid=identity.series_instance_uid,
        series_number=result_series_number(integer_of(source, "SeriesNumber"), "SEG"),
        sop_instance_uid=image_object_uid(job, "SEG", image.sop_instance_uid),
        instance_number=number,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=software_versions(pipeline),
        device_serial_number=DEVICE_SERIAL_NUMBER,
        content_description=segmentation_description(pipeline),
        content_label=segmentation_label(pipeline),
        omit_empty_frames=False,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        series_description=result_series_description(pipeline, "mask"),
        content_date=at.date(),
        content_time=at.time(),
        series_date=at.date(),
        series_time=at.time(),
    )
    if of_frames:
        put_frames(segmentation, source, image)
    for item in (*segmentation.DimensionOrganizationSequence, *segmentation.DimensionIndexSequence):
        item.DimensionOrganizationUID = identity.dimension_organization_uid
    for item, segment in zip(segmentation.SegmentSequence, image.segments, strict=True):
        item.TrackingUID = tracking_uid(job, f"{image.sop_instance_uid} {segment.label}")
    for groups in segmentation.PerFrameFunctionalGroupsSequence:
        for item in groups.get("DerivationImageSequence") or ():
            item.DerivationDescription = derivation
    # Type 2 (PS3.3 Table 10-12): a model is nobody.
    segmentation.ContentCreatorName = None
    inherit_patient_and_study(segmentation, source)
    return finish(segmentation, at, contributing_equipment(pipeline, source, at))
