"""Findings as a Comprehensive 3D SR: TID 1500 with a group for each structure."""

from collections.abc import Sequence

import highdicom as hd
from highdicom.sr.templates import Template
from highdicom.sr.value_types import ContainerContentItem
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code as DicomCode
from pydicom.uid import ExplicitVRLittleEndian

from inference.pipeline import Pipeline, PipelineOutput, Segment
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
from inference.results.coding import dicom_code
from inference.results.equipment import contributing_equipment, finish
from inference.results.masks.edit import Edit
from inference.results.observer import name_observer, person_context
from inference.results.patient_and_study import inherit_patient_and_study
from inference.results.source_references import evidence_of, integer_of, reference_to
from inference.results.sr.image_library import Grid, image_library
from inference.results.sr.numbers import evaluations_of, measurements_of
from inference.results.sr.observing import pipeline_context
from storage.core.entities import Job
from storage.core.findings import Finding, SegmentRef
from storage.core.results.lesion_terms import ANATOMICAL

_PROCEDURES = {
    "MR": codes.cid100.MRIUnspecifiedBodyRegion,
    "CT": codes.cid100.CTUnspecifiedBodyRegion,
    "PT": codes.cid100.PETUnspecifiedBodyRegion,
    "CR": codes.cid100.XRUnspecifiedBodyRegion,
    "DX": codes.cid100.XRUnspecifiedBodyRegion,
    "XA": codes.cid100.Angiography,
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
    kind: ResultKindName = "SR",
    others: Sequence[Dataset] = (),
    grid: Grid | None = None,
) -> Dataset:
    """A Measurement Report, UNVERIFIED, that refers to segments and source images.

    `sources` stand in the order of the volume. Findings with a segment become a TID 1411
    group for each segment, the others one TID 1501 group each; what is no number is a
    qualitative evaluation. `segmentation` is the SEG, or the label map with segments of the
    same numbers; `kind` says which of the two reports this is. `predecessor` is named in the
    Predecessor Documents Sequence (PS3.3 C.17.2): what it says counts no more. `others`: images
    of other series that the model was given as well, named as evidence alone. `grid`: of the
    volume, for the image library. UIDs and dates derive from the job, so a rerun repeats them.
    """
    first = sources[0]
    references = [reference_to(first), *(evidence_of(source) for source in sources[1:])]
    evidence = [*references, *map(evidence_of, others), *_prior_reports(findings)]
    if segmentation is not None:
        evidence.append(segmentation)
    groups = _groups(
        algorithm_of(pipeline, output),
        str(first.SeriesInstanceUID),
        findings,
        output.segments,
        segmentation,
        edit,
    )
    return written_report(
        job,
        pipeline,
        first,
        evidence,
        groups,
        image_library(references, grid),
        predecessor=predecessor,
        edit=edit,
        kind=kind,
    )


def written_report(
    job: Job,
    pipeline: Pipeline,
    first: Dataset,
    evidence: Sequence[Dataset],
    groups: Sequence[Template],
    library: ContainerContentItem,
    *,
    predecessor: Dataset | None = None,
    edit: Edit | None = None,
    kind: ResultKindName = "SR",
) -> Dataset:
    """The document around measurement groups; `first` is the source whose patient it is about."""
    identity = result_identity(job, kind)
    at = made_at(job, first)
    report = hd.sr.MeasurementReport(
        observation_context=_observation_context(pipeline, edit),
        procedure_reported=procedure_reported(first),
        imaging_measurements=list(groups),
        title=codes.cid7021.ImagingMeasurementReport,
    )
    document = hd.sr.Comprehensive3DSR(
        evidence=list(evidence),
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
            pipeline, "report" if edit is None else f"{edit.word} report"
        ),
        content_date=at.date(),
        content_time=at.time(),
        series_date=at.date(),
        series_time=at.time(),
    )
    children = document.ContentSequence
    # TID 1500 row 8: the library stands before the measurements, which come last. It is put there
    # at the end because the encoder copies all of its content twice.
    children.insert(len(children) - 1, library)
    inherit_patient_and_study(document, first)
    return finish(document, at, contributing_equipment(pipeline, first, at))


def procedure_reported(source: Dataset) -> DicomCode:
    """The kind of examination, as far as its modality tells (PS3.16 CID 100)."""
    found: DicomCode = _PROCEDURES.get(
        str(source.get("Modality", "")), codes.cid100.ImagingProcedure
    )
    return found


def _observation_context(pipeline: Pipeline, edit: Edit | None) -> hd.sr.ObservationContext:
    """Of a person who made or changed all of it; else each group names its own."""
    person = None if edit is None else edit.only_observer
    return hd.sr.ObservationContext(
        observer_person_context=None if person is None else person_context(person),
        observer_device_context=pipeline_context(pipeline),
    )


def _groups(
    algorithm: hd.sr.AlgorithmIdentification,
    source_series_instance_uid: str,
    findings: Sequence[Finding],
    segments: Sequence[Segment],
    segmentation: Dataset | None,
    edit: Edit | None,
) -> list[Template]:
    by_segment: dict[SegmentRef, list[Finding]] = {}
    groups: list[Template] = []
    for finding in findings:
        if finding.segmentation is not None:
            by_segment.setdefault(finding.segmentation, []).append(finding)
        else:
            groups.append(
                hd.sr.MeasurementsAndQualitativeEvaluations(
                    tracking_identifier=tracking_of(finding),
                    algorithm_id=algorithm,
                    measurements=measurements_of((finding,)) or None,
                    qualitative_evaluations=evaluations_of(finding) or None,
                )
            )
    if segmentation is None:
        return groups
    of_all = None if edit is None else edit.only_observer
    for reference, members in by_segment.items():
        segment = segments[reference.segment_number - 1]
        groups.append(
            hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
                tracking_identifier=tracking_of(members[0]),
                referenced_segment=hd.sr.ReferencedSegment(
                    sop_class_uid=segmentation.SOPClassUID,
                    sop_instance_uid=segmentation.SOPInstanceUID,
                    segment_number=reference.segment_number,
                    source_series=hd.sr.SourceSeriesForSegmentation(source_series_instance_uid),
                ),
                finding_category=dicom_code(segment.category),
                finding_type=dicom_code(segment.type),
                finding_sites=sites_of(segment),
                algorithm_id=algorithm,
                measurements=measurements_of(members),
            )
        )
        observer = None if edit is None else edit.observer_of(reference.segment_number)
        if observer is not None and not (of_all is not None and of_all.is_person):
            name_observer(groups[-1], observer)
    return groups


def sites_of(segment: Segment) -> list[hd.sr.FindingSite] | None:
    """Where it is (TID 1411). None of a lesion, whose type is not a place."""
    if segment.category.value not in ANATOMICAL:
        return None
    laterality = None if segment.laterality is None else dicom_code(segment.laterality)
    return [hd.sr.FindingSite(dicom_code(segment.type), laterality=laterality)]


def tracking_of(finding: Finding) -> hd.sr.TrackingIdentifier:
    return hd.sr.TrackingIdentifier(
        uid=finding.tracking_uid, identifier=finding.tracking_identifier
    )


def algorithm_of(pipeline: Pipeline, output: PipelineOutput) -> hd.sr.AlgorithmIdentification:
    """TID 4019, with the digest of the weights: the parameter on which all rests."""
    card = pipeline.card
    stated = {"preprocessing": output.derivation, "calibration": output.calibration}
    return hd.sr.AlgorithmIdentification(
        name=card.name,
        version=card.version,
        parameters=[
            f"pipeline={pipeline.name} {pipeline.version}",
            *(f"{file.name} sha256={file.sha256}" for file in card.files),
            *(f"{name}={text}" for name, text in stated.items() if text),
            *output.parameters,
            # What is no AI says so with what it is for.
            *(() if card.is_ai else (f"intended use={card.intended_use}",)),
        ],
        family=dicom_code(card.family),
    )


def _prior_reports(findings: Sequence[Finding]) -> list[Dataset]:
    """What the content refers to of other studies, as evidence."""
    found: dict[str, Dataset] = {}
    for finding in findings:
        prior = finding.prior
        if prior is None or prior.is_within_variation:
            continue
        if prior.report_sop_instance_uid:
            reference = Dataset()
            reference.StudyInstanceUID = prior.study_instance_uid
            reference.SeriesInstanceUID = prior.report_series_instance_uid
            reference.SOPClassUID = prior.report_sop_class_uid
            reference.SOPInstanceUID = prior.report_sop_instance_uid
            found[prior.report_sop_instance_uid] = reference
    return list(found.values())
