"""A report as an Enhanced SR: TID 2000, a Basic Diagnostic Imaging Report."""

from collections.abc import Iterator, Sequence

import highdicom as hd
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code as DicomCode
from pydicom.uid import ExplicitVRLittleEndian

from inference.findings.standing import StandingFinding
from inference.reports.export.document import ReportDocument, series_description
from inference.reports.export.text import corrected_by, in_full
from inference.reports.locale import languages, load_locale
from inference.result_identity import (
    DEVICE_SERIAL_NUMBER,
    DEVICE_UID,
    MANUFACTURER,
)
from inference.results.coding import dicom_code
from inference.results.equipment import finish
from inference.results.patient_and_study import inherit_patient_and_study
from inference.results.source_references import reference_to
from inference.results.sr.document import procedure_reported
from storage.core.findings import NO_UNITS
from storage.core.text.long_string import long_string
from storage.core.text.outside_text import clean_text
from storage.reports.entities import ReportSection, ReportSentence

SERIES_NUMBER = 9001
_COMPARISON = DicomCode("18834-2", "LN", "Comparison study")
# PS3.16 CID 7001 for the sections, CID 7002 for what stands in them.
_SECTIONS = {
    "indication": (codes.DCM.History, codes.DCM.History),
    "technique": (codes.DCM.CurrentProcedureDescriptions, codes.DCM.ProcedureDescription),
    "comparison": (_COMPARISON, codes.DCM.PriorProcedureDescriptions),
    "findings": (codes.DCM.Findings, codes.DCM.Finding),
    "impression": (codes.DCM.Impressions, codes.DCM.Impression),
    "note": (codes.DCM.Conclusions, codes.DCM.Conclusion),
}


def encode_report_sr(
    document: ReportDocument, *, organization: str, predecessors: Sequence[Dataset] = ()
) -> Dataset:
    """VERIFIED and FINAL with its verifying observer where somebody signed it, else neither.

    Each sentence is a TEXT item; the numbers that it rests on are NUM items from which it is
    INFERRED, without those that were withdrawn. `predecessors`: what went out before of this
    version or the one before it (PS3.3 C.17.2).
    """
    at, signed = document.at, document.is_verified
    result = hd.sr.EnhancedSR(
        evidence=[reference_to(one) for one in document.evidence],
        content=_root(document),
        series_instance_uid=document.uid("series", "SR"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=document.uid("instance", "SR"),
        instance_number=document.version.version,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        device_serial_number=DEVICE_SERIAL_NUMBER,
        software_versions=["report templates 1"],
        institution_name=organization or None,
        is_complete=signed,
        is_final=signed,
        is_verified=signed,
        verifying_observer_name=(document.verifying_observer_name or None) if signed else None,
        verifying_organization=(organization or "Not stated") if signed else None,
        previous_versions=list(predecessors) or None,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        series_description=series_description(document),
        content_date=at.date(),
        content_time=at.time().replace(tzinfo=None),
        series_date=at.date(),
        series_time=at.time().replace(tzinfo=None),
    )
    if signed:
        observer = result.VerifyingObserverSequence[0]
        observer.VerificationDateTime = at.strftime("%Y%m%d%H%M%S%z")
    if document.notice:
        result.CompletionFlagDescription = "Results under it were withdrawn"
    inherit_patient_and_study(result, document.source)
    # The sentences hold signs that the images' character set may lack.
    result.SpecificCharacterSet = "ISO_IR 192"
    return finish(result, at, document.equipment())


def _root(document: ReportDocument) -> Dataset:
    root: Dataset = hd.sr.ContainerContentItem(
        name=codes.LN.DiagnosticImagingReport, is_content_continuous=False, template_id="2000"
    )
    children = [
        _language(document.version.language),
        *_observers(document),
        hd.sr.CodeContentItem(
            name=codes.DCM.ProcedureReported,
            value=procedure_reported(document.source),
            relationship_type="HAS CONCEPT MOD",
        ),
    ]
    if document.notice:
        children.append(_notice(document.notice))
    children += [_section(one, document) for one in document.version.sections]
    root.ContentSequence = hd.sr.ContentSequence(children)
    return root


def _language(language: str) -> hd.sr.CodeContentItem:
    known = language in languages()
    name = load_locale(language).words["english_name"] if known else language
    return hd.sr.CodeContentItem(
        name=codes.DCM.LanguageOfContentItemAndDescendants,
        value=DicomCode(language, "RFC5646", name),
        relationship_type="HAS CONCEPT MOD",
    )


def _observers(document: ReportDocument) -> Iterator[hd.sr.ContentItem]:
    """The device that drafted it, and the person who signed it (TID 1002)."""
    contexts = [
        hd.sr.ObserverContext(
            observer_type=codes.DCM.Device,
            observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
                uid=DEVICE_UID,
                name="Report templates",
                manufacturer_name=MANUFACTURER,
                model_name=MANUFACTURER,
                serial_number=DEVICE_SERIAL_NUMBER,
            ),
        )
    ]
    if document.signed_by:
        contexts.insert(
            0,
            hd.sr.ObserverContext(
                observer_type=codes.DCM.Person,
                observer_identifying_attributes=hd.sr.PersonObserverIdentifyingAttributes(
                    name=document.verifying_observer_name
                ),
            ),
        )
    for context in contexts:
        yield from context


def _notice(words: str) -> hd.sr.ContentItem:
    container = hd.sr.ContainerContentItem(
        name=codes.DCM.Addendum, is_content_continuous=False, relationship_type="CONTAINS"
    )
    item = hd.sr.TextContentItem(
        name=codes.DCM.Conclusion, value=words, relationship_type="CONTAINS"
    )
    container.ContentSequence = hd.sr.ContentSequence([item])
    return container


def _section(section: ReportSection, document: ReportDocument) -> hd.sr.ContentItem:
    heading, element = _SECTIONS[section.kind]
    container = hd.sr.ContainerContentItem(
        name=heading, is_content_continuous=False, relationship_type="CONTAINS"
    )
    items = [_sentence(one, element, document) for one in section.sentences if one.text.strip()]
    if items:
        container.ContentSequence = hd.sr.ContentSequence(items)
    return container


def _sentence(
    sentence: ReportSentence, element: DicomCode, document: ReportDocument
) -> hd.sr.ContentItem:
    words = clean_text(in_full(sentence, document.withdrawn, document.version.language), lines=True)
    item = hd.sr.TextContentItem(name=element, value=words, relationship_type="CONTAINS")
    there = document.findings.keys() - document.withdrawn
    bound = [document.findings[one] for one in sentence.finding_ids if one in there]
    numbers = _numbers(bound, document.version.language) if sentence.basis == "findings" else []
    if numbers:
        item.ContentSequence = hd.sr.ContentSequence(numbers)
    return item


def _numbers(stated: Sequence[StandingFinding], language: str) -> list[hd.sr.ContentItem]:
    """What the sentence rests on, as values with units, named by their labels; of one that a person
    gave who did, and the software's, as its comment (PS3.16 TID 300)."""
    numbers = []
    for one in stated:
        finding = one.finding
        if one.value is None:
            continue
        number = hd.sr.NumContentItem(
            name=DicomCode(
                finding.code.value, finding.code.scheme_designator, long_string(finding.label)
            ),
            value=one.value,
            unit=dicom_code(finding.unit or NO_UNITS),
            relationship_type="INFERRED FROM",
        )
        if comment := corrected_by(one, language):
            item = hd.sr.TextContentItem(
                name=codes.DCM.Comment,
                value=clean_text(comment),
                relationship_type="HAS PROPERTIES",
            )
            number.ContentSequence = hd.sr.ContentSequence([item])
        numbers.append(number)
    return numbers
