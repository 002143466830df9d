"""Findings as a Comprehensive 3D SR: TID 1500 with a group for each structure."""

from collections.abc import Sequence

import highdicom as hd
from highdicom.sr.templates import Template
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code as DicomCode
from pydicom.uid import ExplicitVRLittleEndian

from inference.annotations.observer import person_context
from inference.pipeline import Pipeline, PipelineOutput, Segment
from inference.results.coding import dicom_code
from inference.results.edit import Edit
from inference.results.equipment import contributing_equipment, finish
from inference.results.identity import (
    DEVICE_SERIAL_NUMBER,
    MANUFACTURER,
    ResultKind,
    made_at,
    result_identity,
    result_series_description,
    result_series_number,
    software_versions,
)
from inference.results.image_library import image_library
from inference.results.observing import pipeline_context
from inference.results.source import (
    evidence_of,
    inherit_patient_and_study,
    integer_of,
    reference_to,
)
from inference.results.sr_numbers import evaluations_of, measurements_of
from storage.core.entities import Finding, Job, SegmentRef

_PROCEDURES = {
    "MR": codes.cid100.MRIUnspecifiedBodyRegion,
    "CT": codes.cid100.CTUnspecifiedBodyRegion,
    "PT": codes.cid100.PETUnspecifiedBodyRegion,
}


def encode_sr(
    job: Job,
    pipeline: Pipeline,
    sources: Sequence[Dataset],
    findings: Sequence[Finding],
    output: PipelineOutput,
    segmentation: Dataset | None,
    predecessor: Dataset | None = None,
    edit: Edit | None = None,
    kind: ResultKind = "SR",
) -> Dataset:
    """A Measurement Report, UNVERIFIED, that refers to segments and source images.

    `sources` stand in the order of the volume. Findings with a segment become a TID 1411
    group for each segment, the others one TID 1501 group each; what is no number is a
    qualitative evaluation. `segmentation` is the SEG, or the label map with segments of the
    same numbers; `kind` says which of the two reports this is. `predecessor` is named in the
    Predecessor Documents Sequence (PS3.3 C.17.2): what it says counts no more. UIDs and dates
    derive from the job, so a rerun repeats them.
    """
    first = sources[0]
    identity = result_identity(job, kind)
    at = made_at(job, first)
    references = [reference_to(first), *(evidence_of(source) for source in sources[1:])]
    evidence = [*references, *_prior_reports(findings)]
    if segmentation is not None:
        evidence.append(segmentation)
    report = hd.sr.MeasurementReport(
        observation_context=_observation_context(pipeline, edit),
        procedure_reported=procedure_reported(first),
        imaging_measurements=_groups(
            _algorithm(pipeline, output.derivation),
            str(first.SeriesInstanceUID),
            findings,
            output.segments,
            segmentation,
        ),
        title=codes.cid7021.ImagingMeasurementReport,
    )
    document = hd.sr.Comprehensive3DSR(
        evidence=evidence,
        content=report[0],
        series_instance_uid=identity.series_instance_uid,
        series_number=result_series_number(integer_of(first, "SeriesNumber"), kind),
        sop_instance_uid=identity.sop_instance_uid,
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=software_versions(pipeline),
        device_serial_number=DEVICE_SERIAL_NUMBER,
        previous_versions=None if predecessor is None else [predecessor],
        is_complete=True,
        is_final=False,
        is_verified=False,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        series_description=result_series_description(
            pipeline, "report" if edit is None else "edited report"
        ),
        content_date=at.date(),
        content_time=at.time(),
        series_date=at.date(),
        series_time=at.time(),
    )
    children = document.ContentSequence
    # TID 1500 row 8: the library stands before the measurements, which come last. It is put there
    # at the end because the encoder copies all of its content twice.
    children.insert(len(children) - 1, image_library(references))
    inherit_patient_and_study(document, first)
    return finish(document, at, contributing_equipment(pipeline, first, at))


def procedure_reported(source: Dataset) -> DicomCode:
    """The kind of examination, as far as its modality tells (PS3.16 CID 100)."""
    found: DicomCode = _PROCEDURES.get(
        str(source.get("Modality", "")), codes.cid100.ImagingProcedure
    )
    return found


def _observation_context(pipeline: Pipeline, edit: Edit | None) -> hd.sr.ObservationContext:
    return hd.sr.ObservationContext(
        observer_person_context=None if edit is None else person_context(edit.author),
        observer_device_context=pipeline_context(pipeline),
    )


def _groups(
    algorithm: hd.sr.AlgorithmIdentification,
    source_series_instance_uid: str,
    findings: Sequence[Finding],
    segments: Sequence[Segment],
    segmentation: Dataset | None,
) -> list[Template]:
    by_segment: dict[SegmentRef, list[Finding]] = {}
    groups: list[Template] = []
    for finding in findings:
        if finding.segmentation is not None:
            by_segment.setdefault(finding.segmentation, []).append(finding)
        else:
            groups.append(
                hd.sr.MeasurementsAndQualitativeEvaluations(
                    tracking_identifier=_tracking(finding),
                    algorithm_id=algorithm,
                    measurements=measurements_of((finding,)) or None,
                    qualitative_evaluations=evaluations_of(finding) or None,
                )
            )
    if segmentation is None:
        return groups
    for reference, members in by_segment.items():
        segment = segments[reference.segment_number - 1]
        groups.append(
            hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
                tracking_identifier=_tracking(members[0]),
                referenced_segment=hd.sr.ReferencedSegment(
                    sop_class_uid=segmentation.SOPClassUID,
                    sop_instance_uid=segmentation.SOPInstanceUID,
                    segment_number=reference.segment_number,
                    source_series=hd.sr.SourceSeriesForSegmentation(source_series_instance_uid),
                ),
                finding_category=dicom_code(segment.category),
                finding_type=dicom_code(segment.type),
                finding_sites=[_site(segment)],
                algorithm_id=algorithm,
                measurements=measurements_of(members),
            )
        )
    return groups


def _site(segment: Segment) -> hd.sr.FindingSite:
    laterality = None if segment.laterality is None else dicom_code(segment.laterality)
    return hd.sr.FindingSite(dicom_code(segment.type), laterality=laterality)


def _tracking(finding: Finding) -> hd.sr.TrackingIdentifier:
    return hd.sr.TrackingIdentifier(
        uid=finding.tracking_uid, identifier=finding.tracking_identifier
    )


def _algorithm(pipeline: Pipeline, derivation: str) -> hd.sr.AlgorithmIdentification:
    """TID 4019, with the digest of the weights: the parameter on which all rests."""
    card = pipeline.card
    return hd.sr.AlgorithmIdentification(
        name=card.name,
        version=card.version,
        parameters=[
            f"pipeline={pipeline.name} {pipeline.version}",
            *(f"{file.name} sha256={file.sha256}" for file in card.files),
            *([f"preprocessing={derivation}"] if derivation else []),
        ],
        family=codes.DCM.ArtificialIntelligence,
    )


def _prior_reports(findings: Sequence[Finding]) -> list[Dataset]:
    """What the content refers to of other studies, as evidence."""
    found: dict[str, Dataset] = {}
    for finding in findings:
        prior = finding.prior
        if prior is not None and prior.report_sop_instance_uid:
            reference = Dataset()
            reference.StudyInstanceUID = prior.study_instance_uid
            reference.SeriesInstanceUID = prior.report_series_instance_uid
            reference.SOPClassUID = prior.report_sop_class_uid
            reference.SOPInstanceUID = prior.report_sop_instance_uid
            found[prior.report_sop_instance_uid] = reference
    return list(found.values())
