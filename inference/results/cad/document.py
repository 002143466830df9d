"""Boxes in films as a Mammography or Chest CAD SR (PS3.16 TID 4000, TID 4100)."""

from collections.abc import Mapping, Sequence

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, ExplicitVRLittleEndian

from inference.imaging.headers import texts
from inference.imaging.laterality import laterality_of
from inference.pipeline import Pipeline, PipelineOutput
from inference.result_identity import (
    DEVICE_SERIAL_NUMBER,
    MANUFACTURER,
    made_at,
    result_identity,
    result_series_description,
    result_series_number,
    software_versions,
)
from inference.results.cad import content as c
from inference.results.cad.kinds import (
    BREASTS,
    MAMMOGRAPHY,
    SELECTED_REGION,
    VIEWS,
    Template,
    kind_of,
    template_of,
)
from inference.results.equipment import contributing_equipment, finish
from inference.results.narrative import note_of
from inference.results.patient_and_study import inherit_patient_and_study
from inference.results.source_references import integer_of
from inference.series_classification.views import view_of
from storage.core.entities import Job
from storage.core.findings import Code, Finding

_LIBRARY: c.Path = (1, 2)
"""Where the Image Library stands: after the language."""
_FINDING = c.dcm("111059", "Single Image Finding")
_INTENT = c.dcm("111056", "Rendering Intent")
_SHOWN = c.dcm("111150", "Presentation Required: Rendering device is expected to present")
_SUCCEEDED, _NOT_ATTEMPTED = c.dcm("111222", "Succeeded"), c.dcm("111225", "Not Attempted")


def encode_cad(
    job: Job,
    pipeline: Pipeline,
    sources: Mapping[str, Dataset],
    findings: Sequence[Finding],
    output: PipelineOutput,
) -> Dataset | None:
    """What a detector found in mammograms, or in films of the chest; None of any other images.

    `sources` by SOP Instance UID: all images that were looked at, also those in which nothing was
    found. UIDs and dates derive from the job.
    """
    kinds = {template_of(source) for source in sources.values()}
    template = kinds.pop() if len(kinds) == 1 else None
    if template is None:
        return None
    images = {uid: (*_LIBRARY, number) for number, uid in enumerate(sources, start=1)}
    marks = [
        _mark(template, pipeline, finding, output, images[finding.image.sop_instance_uid])
        for finding in findings
        if finding.image is not None and finding.image.graphic_type == "POLYLINE"
    ]
    root = c.container(
        "",
        template.title,
        [
            c.code_item(
                c.HAS_CONCEPT_MOD,
                c.dcm("121049", "Language of Content Item and Descendants"),
                Code("en", "RFC5646", "English"),
            ),
            c.container(
                c.CONTAINS,
                c.dcm("111028", "Image Library"),
                [_library_entry(template, source) for source in sources.values()],
            ),
            _summary(template, marks),
            _detections(template, pipeline, output, [*images.values()]),
            c.code_item(c.CONTAINS, c.dcm("111065", "Summary of Analyses"), _NOT_ATTEMPTED),
        ],
        template.identifier,
    )
    return _document(job, pipeline, template, root, [*sources.values()])


def _summary(template: Template, marks: Sequence[Dataset]) -> Dataset:
    """TID 4001, TID 4101. Each finding of a mammogram is an impression of its own (TID 4003)."""
    value = (
        c.dcm("111242", "All algorithms succeeded; with findings")
        if marks
        else c.dcm("111241", "All algorithms succeeded; without findings")
    )
    if template is MAMMOGRAPHY:
        impression = c.dcm("111034", "Individual Impression/Recommendation")
        marks = [c.container(c.INFERRED_FROM, impression, [_intent(), one]) for one in marks]
    name = c.dcm("111017", "CAD Processing and Findings Summary")
    return c.code_item(c.CONTAINS, name, value, marks)


def _mark(
    template: Template, pipeline: Pipeline, finding: Finding, output: PipelineOutput, image: c.Path
) -> Dataset:
    """TID 4006, TID 4104: what was found, how surely, and where."""
    points = [] if finding.image is None else list(finding.image.points)
    corners = points[:-1]
    center = (
        sum(x for x, _ in corners) / len(corners),
        sum(y for _, y in corners) / len(corners),
    )
    is_mammogram = template is MAMMOGRAPHY
    kind = kind_of(template, finding.code)
    children = []
    if not is_mammogram:
        modifier = c.dcm("112024", "Single Image Finding Modifier")
        children.append(c.code_item(c.HAS_CONCEPT_MOD, modifier, finding.code))
    children += [
        _intent(),
        c.text_item(
            c.HAS_OBS_CONTEXT, c.dcm("112039", "Tracking Identifier"), finding.tracking_identifier
        ),
        c.uid_item(
            c.HAS_OBS_CONTEXT, c.dcm("112040", "Tracking Unique Identifier"), finding.tracking_uid
        ),
        *_algorithm(pipeline, output, c.HAS_PROPERTIES if is_mammogram else c.HAS_OBS_CONTEXT),
    ]
    if finding.confidence is not None:
        certainty = c.dcm("111012", "Certainty of Finding")
        percent = round(finding.confidence * 100, 3)
        children.append(c.percent_item(c.HAS_PROPERTIES, certainty, percent))
    children += [
        c.place_item(c.dcm("111010", "Center"), "POINT", [center], image),
        c.place_item(c.dcm("111041", "Outline"), "POLYLINE", points, image),
    ]
    if is_mammogram and kind == SELECTED_REGION:
        # TID 4013: what it is, in words; its code is none of CID 6014.
        described = c.dcm("111058", "Selected Region Description")
        children.append(c.text_item(c.HAS_PROPERTIES, described, finding.label))
    relationship = c.CONTAINS if is_mammogram else c.INFERRED_FROM
    return c.code_item(relationship, _FINDING, kind, children)


def _intent() -> Dataset:
    return c.code_item(c.HAS_CONCEPT_MOD, _INTENT, _SHOWN)


def _algorithm(pipeline: Pipeline, output: PipelineOutput, relationship: str) -> list[Dataset]:
    """TID 4019."""
    card = pipeline.card
    parameters = [
        f"pipeline={pipeline.name} {pipeline.version}",
        note_of(pipeline),
        *(f"{file.name} sha256={file.sha256}" for file in card.files),
        *([f"preprocessing={output.derivation}"] if output.derivation else []),
        *output.parameters,
    ]
    return [
        c.text_item(relationship, c.dcm("111001", "Algorithm Name"), card.name),
        c.text_item(relationship, c.dcm("111003", "Algorithm Version"), card.version),
        *(
            c.text_item(relationship, c.dcm("111002", "Algorithm Parameters"), one)
            for one in parameters
        ),
        c.code_item(relationship, c.dcm("111000", "Algorithm Family"), card.family),
    ]


def _detections(
    template: Template, pipeline: Pipeline, output: PipelineOutput, images: Sequence[c.Path]
) -> Dataset:
    """TID 4015, TID 4017: what was looked for in which images, whether or not it was found."""
    kinds = dict.fromkeys(kind_of(template, code) for code in pipeline.card.output_codes)
    performed = [
        c.code_item(
            c.CONTAINS,
            c.dcm("111022", "Detection Performed"),
            kind,
            [
                *_algorithm(pipeline, output, c.HAS_PROPERTIES),
                *(c.referring(c.HAS_PROPERTIES, image) for image in images),
            ],
        )
        for kind in kinds or [SELECTED_REGION]
    ]
    succeeded = c.container(c.INFERRED_FROM, c.dcm("111063", "Successful Detections"), performed)
    name = c.dcm("111064", "Summary of Detections")
    return c.code_item(c.CONTAINS, name, _SUCCEEDED, [succeeded])


def _library_entry(template: Template, source: Dataset) -> Dataset:
    """TID 4020."""
    stated = []
    side, view = BREASTS.get(laterality_of(source)), VIEWS.get(view_of(source))
    if side is not None and template is MAMMOGRAPHY:
        stated.append(c.code_item(c.HAS_ACQ_CONTEXT, c.dcm("111027", "Image Laterality"), side))
    if view is not None:
        stated.append(c.code_item(c.HAS_ACQ_CONTEXT, c.dcm("111031", "Image View"), view))
    orientation = texts(source.get("PatientOrientation"))
    if len(orientation) == 2:
        for name, value in zip(
            (
                c.dcm("111044", "Patient Orientation Row"),
                c.dcm("111043", "Patient Orientation Column"),
            ),
            orientation,
            strict=True,
        ):
            stated.append(c.text_item(c.HAS_ACQ_CONTEXT, name, value))
    date = str(source.get("StudyDate") or "")
    if date:
        stated.append(c.date_item(c.HAS_ACQ_CONTEXT, c.dcm("111060", "Study Date"), date))
    return c.image_item(c.CONTAINS, source, stated)


def _document(
    job: Job, pipeline: Pipeline, template: Template, root: Dataset, sources: Sequence[Dataset]
) -> Dataset:
    """The root with what belongs to patient, study, series and equipment (PS3.3 A.35.5, A.35.6)."""
    first = sources[0]
    identity = result_identity(job, "CAD")
    at = made_at(job, first)
    document = root
    document.file_meta = FileMetaDataset()
    document.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    document.file_meta.MediaStorageSOPClassUID = template.sop_class_uid
    document.file_meta.MediaStorageSOPInstanceUID = UID(identity.sop_instance_uid)
    document.SOPClassUID = template.sop_class_uid
    document.SOPInstanceUID = identity.sop_instance_uid
    document.Modality = "SR"
    document.SeriesInstanceUID = identity.series_instance_uid
    document.SeriesNumber = result_series_number(integer_of(first, "SeriesNumber"), "CAD")
    document.SeriesDescription = result_series_description(pipeline, "CAD")
    document.InstanceNumber = 1
    document.SeriesDate = document.ContentDate = at.strftime("%Y%m%d")
    document.SeriesTime = document.ContentTime = at.strftime("%H%M%S")
    document.ReferencedPerformedProcedureStepSequence = Items()
    document.PerformedProcedureCodeSequence = Items()
    document.CompletionFlag, document.PreliminaryFlag = "COMPLETE", "PRELIMINARY"
    document.VerificationFlag = "UNVERIFIED"
    document.Manufacturer = document.ManufacturerModelName = MANUFACTURER
    document.DeviceSerialNumber = DEVICE_SERIAL_NUMBER
    document.SoftwareVersions = software_versions(pipeline)
    document.CurrentRequestedProcedureEvidenceSequence = Items([_evidence(sources)])
    inherit_patient_and_study(document, first)
    return finish(document, at, contributing_equipment(pipeline, first, at))


def _evidence(sources: Sequence[Dataset]) -> Dataset:
    """The images by series (PS3.3 Table C.17-2)."""
    by_series: dict[str, list[Dataset]] = {}
    for source in sources:
        reference = Dataset()
        reference.ReferencedSOPClassUID = source.SOPClassUID
        reference.ReferencedSOPInstanceUID = source.SOPInstanceUID
        by_series.setdefault(str(source.SeriesInstanceUID), []).append(reference)
    study = Dataset()
    study.ReferencedSeriesSequence = Items()
    for uid, references in by_series.items():
        series = Dataset()
        series.SeriesInstanceUID = uid
        series.ReferencedSOPSequence = Items(references)
        study.ReferencedSeriesSequence.append(series)
    study.StudyInstanceUID = sources[0].StudyInstanceUID
    return study
