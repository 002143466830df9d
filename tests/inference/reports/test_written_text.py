"""Whatever a model, a header or a person wrote: report, message and document stay whole."""

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import pydicom
import pypdfium2
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from inference.findings.standing import standing_finding
from inference.reports.export.document import ReportDocument
from inference.reports.export.oru import encode_oru
from inference.reports.export.pdf import encode_report_pdf
from inference.reports.export.sr import encode_report_sr
from inference.results.file_writing import part10
from storage.core.findings import Code, Finding, NormalRange
from storage.reports.entities import ReportSection, ReportSentence
from storage.reports.hl7_entities import Hl7Message
from storage.settings import Settings
from tests import builders
from tests.dicom_node.hl7.mllp import parsed
from tests.hostile_text import faults_of, hostile_texts, unwanted_in
from tests.inference.reports.test_hostile_headers import report_on, study_of

_AT = datetime(2026, 1, 2, tzinfo=UTC)
_few = settings(max_examples=8, deadline=None, phases=(Phase.explicit, Phase.generate))


@st.composite
def documents(draw: st.DrawFn) -> ReportDocument:
    """A signed report whose every free text is hostile."""
    source = builders.t1_head((1, 4, 4))[0]
    source.SpecificCharacterSet = "ISO_IR 100"
    document = report_on(
        study_of(
            study_instance_uid=str(source.StudyInstanceUID),
            **{one: draw(hostile_texts) for one in (
                "patient_id", "issuer_of_patient_id", "patient_name", "accession_number",
                "referring_physician_name", "modality",
            )},
        )
    )  # fmt: skip
    unit = Code("mm", "UCUM", draw(hostile_texts)[:64])
    finding = Finding(
        "f1", "j", document.study.study_instance_uid, "1.3", draw(hostile_texts), "1",
        draw(hostile_texts), Code("118565006", "SCT", draw(hostile_texts)[:64]), 12.5, unit, None,
        draw(hostile_texts), "1.4", None, _AT,
        normal_range=NormalRange("mm", 1, 2, draw(hostile_texts)),
    )  # fmt: skip
    sentences = (
        ReportSentence(draw(hostile_texts), ("f1",), author=draw(hostile_texts)[:64]),
        ReportSentence(draw(hostile_texts), origin="model", author=draw(hostile_texts)[:64]),
    )
    sections = (ReportSection(draw(hostile_texts), sentences),)
    version = replace(
        document.version,
        title=draw(hostile_texts),
        sections=sections,
        signed_name=draw(hostile_texts)[:64],
        changed_by=draw(hostile_texts)[:64],
    )
    return replace(
        document,
        version=version,
        report=replace(document.report, title=version.title, sections=sections),
        source=source,
        evidence=(source,),
        findings={"f1": standing_finding(finding)},
        notice=draw(hostile_texts),
        placer_order_number=draw(hostile_texts),
        filler_order_number=draw(hostile_texts),
    )


@_few
@given(documents(), st.sampled_from(["UNICODE UTF-8", "8859/1"]))
def test_a_message_has_its_segments_and_no_others(document: ReportDocument, charset: str) -> None:
    settings = Settings(hl7_encoding=charset)
    message = Hl7Message("m", "ris", "r", 1, "1.2", "C1", "PENDING", 0, _AT, "", _AT, _AT)
    written = encode_oru(document, message, settings)
    text = written.decode("utf-8" if charset == "UNICODE UTF-8" else "iso-8859-1")
    assert unwanted_in(text.replace("\r", "")) == []
    names = ["MSH", "PID", "ORC", "OBR", *["OBX"] * 5]
    assert [one[:3] for one in text.split("\r")[:-1]] == names
    assert [one.name for one in parsed(text.encode()).children] == names
    # Never more fields than the node writes, nor repetitions of what it writes once.
    assert all("~" not in one and one.count("|") <= 32 for one in text.split("\r")[1:])


@_few
@given(documents())
def test_a_structured_report_can_be_read_and_has_plain_text(document: ReportDocument) -> None:
    written = part10(encode_report_sr(document, organization=document.version.title[:64]))
    assert list(faults_of(pydicom.dcmread(BytesIO(written)))) == []


@_few
@given(documents())
def test_a_pdf_shows_text_in_its_own_order(document: ReportDocument) -> None:
    read = pydicom.dcmread(BytesIO(part10(encode_report_pdf(document))))
    assert list(faults_of(read)) == []
    with pypdfium2.PdfDocument(read.EncapsulatedDocument) as pdf:
        shown = "\n".join(page.get_textpage().get_text_range() for page in pdf)
        assert unwanted_in(pdf.get_metadata_value("Title")) == []
    # What no font has is named by its number, and of these there is nothing to be named.
    assert not any(f"U+{one}" in shown for one in ("202E", "2066", "2028", "0000", "0085", "D800"))
