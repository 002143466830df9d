"""What was found in single images as a Comprehensive 3D SR (PS3.16 TID 1500).

A box is a planar region of interest in the coordinates of its image (TID 1410); a segment one
that refers to the SEG of its image; a statement about a whole image names the image (TID 1501),
and one about several together all of them. A statement that has a heat map names the objects that
show it, each by its purpose.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import highdicom as hd
import numpy as np
from highdicom.sr.templates import Template
from highdicom.sr.value_types import ImageContentItem
from pydicom.dataset import Dataset

from inference.pipeline import ImageResult, Pipeline, PipelineOutput
from inference.results.coding import dicom_code
from inference.results.single_images.frame_masks import number_of_frame
from inference.results.single_images.heat_references import HeatReference
from inference.results.single_images.references import frame_numbers, image_reference
from inference.results.source_references import evidence_of
from inference.results.sr.document import algorithm_of, sites_of, tracking_of, written_report
from inference.results.sr.image_library import library_of_single_images
from inference.results.sr.numbers import evaluations_of, measurements_of
from storage.core.entities import Job
from storage.core.findings import Finding


def encode_image_sr(
    job: Job,
    pipeline: Pipeline,
    sources: Mapping[str, Dataset],
    findings: Sequence[Finding],
    output: PipelineOutput,
    masks: Mapping[str, Dataset],
    predecessor: Dataset | None = None,
    others: Sequence[Dataset] = (),
    heated: Mapping[str, Sequence[HeatReference]] = MappingProxyType({}),
) -> Dataset:
    """A Measurement Report, UNVERIFIED.

    `sources` and `masks` by SOP Instance UID of the image; `heated` by finding: what shows its heat
    map; `others` as evidence alone. UIDs and dates derive from the job.
    """
    references = {uid: image_reference(source) for uid, source in sources.items()}
    images = {image.sop_instance_uid: image for image in output.images}
    algorithm = algorithm_of(pipeline, output)
    of_all = [
        hd.sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking_of(finding),
            algorithm_id=algorithm,
            measurements=measurements_of((finding,)) or None,
            qualitative_evaluations=evaluations_of(finding) or None,
            source_images=[
                hd.sr.SourceImageForMeasurementGroup(
                    str(source.SOPClassUID), str(source.SOPInstanceUID)
                )
                for source in sources.values()
            ],
        )
        for finding in findings
        if finding.image is None
    ]
    groups = of_all + [
        _group(
            finding,
            algorithm,
            sources[uid],
            images[uid],
            masks.get(uid),
            heated.get(finding.finding_id, ()),
        )
        for finding in findings
        if (uid := finding.image.sop_instance_uid if finding.image else "") in sources
    ]
    first = next(iter(sources.values()))
    shown = {str(one.image.SOPInstanceUID): one.image for each in heated.values() for one in each}
    return written_report(
        job,
        pipeline,
        first,
        [*references.values(), *masks.values(), *shown.values(), *map(evidence_of, others)],
        groups,
        library_of_single_images(list(references.values())),
        predecessor=predecessor,
    )


def _group(
    finding: Finding,
    algorithm: hd.sr.AlgorithmIdentification,
    source: Dataset,
    image: ImageResult,
    mask: Dataset | None,
    heated: Sequence[HeatReference],
) -> Template:
    at = finding.image
    if at is None:
        raise ValueError("A finding of an image that names no image.")
    uids = str(source.SOPClassUID), str(source.SOPInstanceUID)
    frames = frame_numbers(source, at.frame_number)
    common = {
        "tracking_identifier": tracking_of(finding),
        "algorithm_id": algorithm,
        "measurements": measurements_of((finding,)) or None,
    }
    if finding.segmentation is not None and mask is not None:
        number = finding.segmentation.segment_number
        segment = image.segments[number - 1]
        if image.frame_numbers and frames is None:
            # Of several frames, and no planar region: that lies on one of them.
            return hd.sr.MeasurementsAndQualitativeEvaluations(
                **common,
                source_images=[
                    hd.sr.SourceImageForMeasurementGroup(*uids, list(image.frame_numbers))
                ],
                finding_category=dicom_code(segment.category),
                finding_type=dicom_code(segment.type),
                finding_sites=sites_of(segment),
            )
        group = hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            **common,
            referenced_segment=hd.sr.ReferencedSegmentationFrame(
                sop_class_uid=mask.SOPClassUID,
                sop_instance_uid=mask.SOPInstanceUID,
                # Of a single-frame image one frame a segment, in their order.
                frame_number=number if frames is None else number_of_frame(mask, number, frames[0]),
                segment_number=number,
                source_image=hd.sr.SourceImageForSegmentation(*uids, frames),
            ),
            finding_category=dicom_code(segment.category),
            finding_type=dicom_code(segment.type),
            finding_sites=sites_of(segment),
        )
        _name_once(group, "ReferencedFrameNumber" if frames is None else "ReferencedSegmentNumber")
        return group
    if at.graphic_type:
        return hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            **common,
            referenced_region=hd.sr.ImageRegion(
                graphic_type=at.graphic_type,
                graphic_data=np.array(at.points, np.float64),
                source_image=hd.sr.SourceImageForRegion(*uids, frames),
            ),
            finding_type=dicom_code(finding.code),
        )
    group = hd.sr.MeasurementsAndQualitativeEvaluations(
        **common,
        qualitative_evaluations=evaluations_of(finding) or None,
        source_images=[hd.sr.SourceImageForMeasurementGroup(*uids, frames)],
    )
    for one in heated:
        group[0].ContentSequence.append(
            ImageContentItem(
                name=one.purpose,
                referenced_sop_class_uid=one.image.SOPClassUID,
                referenced_sop_instance_uid=one.image.SOPInstanceUID,
                relationship_type=hd.sr.RelationshipTypeValues.CONTAINS,
            )
        )
    return group


def _name_once(group: Template, left_out: str) -> None:
    """A segment is named by its number, and then no frame, or one frame of it by that (PS3.3 Table
    C.17-3): the encoder states both."""
    for item in group[0].ContentSequence:
        for reference in item.get("ReferencedSOPSequence") or ():
            if "ReferencedSegmentNumber" in reference and "ReferencedFrameNumber" in reference:
                del reference[left_out]
