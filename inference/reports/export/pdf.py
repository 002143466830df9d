"""A report as a PDF that shows, sentence by sentence, which findings it rests on."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, EncapsulatedPDFStorage, ExplicitVRLittleEndian

from inference.reports.export.document import ReportDocument, series_description
from inference.reports.export.text import (
    by_model,
    caution_of,
    corrected_by,
    date_in_words,
    rests_on,
    words_of,
)
from inference.reports.locale import load_locale
from inference.result_identity import DEVICE_SERIAL_NUMBER, MANUFACTURER
from inference.results.equipment import finish
from inference.results.patient_and_study import (
    character_set_of,
    inherit_patient_and_study,
    shown_name,
)
from inference.typesetting.text import Typesetter
from storage.core.patient_sex import sex_of
from storage.core.text.outside_text import clean_text
from storage.reports.entities import ReportSentence

SERIES_NUMBER = 9002
_MARGIN_PT = 54
_PAGE_WIDTH_PT = 475
_CELL_PADDING_PT = 12
REGULAR_FONT, _BOLD = "Vera", "VeraBd"
_GREY = "#5f6b76"
_RED = "#b00020"


def encode_report_pdf(document: ReportDocument) -> Dataset:
    """The PDF as an Encapsulated PDF instance (PS3.3 A.45.1); the same version, the same bytes."""
    at = document.at
    result = Dataset()
    result.file_meta = FileMetaDataset()
    result.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    result.file_meta.MediaStorageSOPClassUID = EncapsulatedPDFStorage
    uid = UID(document.uid("instance", "PDF"))
    result.file_meta.MediaStorageSOPInstanceUID = uid
    result.SOPClassUID, result.SOPInstanceUID = EncapsulatedPDFStorage, uid
    result.SeriesInstanceUID = document.uid("series", "PDF")
    result.Modality = "DOC"
    result.SeriesNumber = SERIES_NUMBER
    result.InstanceNumber = document.version.version
    result.SeriesDescription = series_description(document)
    result.SeriesDate = result.ContentDate = at.strftime("%Y%m%d")
    result.SeriesTime = result.ContentTime = at.strftime("%H%M%S")
    result.AcquisitionDateTime = None
    result.ConversionType = "WSD"
    result.Manufacturer = result.ManufacturerModelName = MANUFACTURER
    result.DeviceSerialNumber = DEVICE_SERIAL_NUMBER
    result.SoftwareVersions = ["report templates 1"]
    result.BurnedInAnnotation = "YES"
    result.VerificationFlag = "VERIFIED" if document.is_verified else "UNVERIFIED"
    result.DocumentTitle = document.version.title
    result.ConceptNameCodeSequence = []
    result.SourceInstanceSequence = [_reference(one) for one in document.evidence]
    result.MIMETypeOfEncapsulatedDocument = "application/pdf"
    content = write_pdf(document)
    result.EncapsulatedDocumentLength = len(content)
    result.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    inherit_patient_and_study(result, document.source)
    result.SpecificCharacterSet = "ISO_IR 192"
    return finish(result, at, document.equipment())


def write_pdf(document: ReportDocument) -> bytes:
    """The file alone: head, sections, and the numbered findings behind the sentences."""
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import SimpleDocTemplate

    register_fonts()
    buffer = BytesIO()
    version = document.version
    text = Typesetter(REGULAR_FONT, _is_in_font)
    page = SimpleDocTemplate(
        buffer, pagesize=A4, title=clean_text(version.title), author=MANUFACTURER,
        leftMargin=_MARGIN_PT, rightMargin=_MARGIN_PT, topMargin=_MARGIN_PT,
        bottomMargin=_MARGIN_PT, invariant=1,
    )  # fmt: skip
    _story(document, text)
    with text.loaded(character_set_of(document.source)):
        page.build(
            _story(document, text),
            onFirstPage=_footer(document),
            onLaterPages=_footer(document),
        )
    return buffer.getvalue()


def _story(document: ReportDocument, text: Typesetter) -> list[Any]:
    from reportlab.platypus import Paragraph, Spacer

    styles = _styles()
    version = document.version
    locale, words = load_locale(version.language), words_of(version.language)

    def marked_up(content: str, style: str) -> str:
        return text.markup(content, _PAGE_WIDTH_PT, styles[style].fontSize)

    def paragraph(content: str, style: str) -> Any:
        return Paragraph(marked_up(content, style), styles[style])

    story: list[Any] = [paragraph(version.title, "title")]
    for caution in (document.notice, caution_of(version)):
        if caution:
            story.append(paragraph(caution, "caution"))
    story += [_head(document, styles, text), Spacer(1, 10)]
    numbers: dict[str, int] = {}
    for section in version.sections:
        story.append(paragraph(section.heading, "heading"))
        for sentence in section.sentences:
            bound = sentence.finding_ids if sentence.basis == "findings" else ()
            marks = [
                str(numbers.setdefault(one, len(numbers) + 1))
                for one in (*bound, *sentence.prior_finding_ids)
                if one in document.findings and sentence.basis == "findings"
            ]
            mark = f' <font size="7" color="{_GREY}">[{", ".join(marks)}]</font>' if marks else ""
            named = _author_of(sentence, document)
            shown = marked_up(named, "small")
            by = f' <font size="7" color="{_GREY}">{shown}</font>' if named else ""
            body = marked_up(sentence.text, "body")
            if rests_on(sentence, document.withdrawn):
                by += f' <font size="7" color="{_RED}">{words["rests_on_withdrawn"]}</font>'
            story.append(Paragraph(body + mark + by, styles["body"]))
    if document.signed_by:
        state = str(words["states"][version.state])
        values = {
            "state": state[:1].upper() + state[1:],
            "who": document.signed_by_in_words,
            "at": _written(document),
        }
        story += [Spacer(1, 12), paragraph(locale.fill(words["signed"], values), "signed")]
    if numbers:
        story += [Spacer(1, 14), Paragraph(words["findings"], styles["small_bold"])]
        story.append(_findings_table(document, numbers, styles, text))
    return story


def _written(document: ReportDocument) -> str:
    return f"{document.written_at:%Y-%m-%d %H:%M %Z}"


def _author_of(sentence: ReportSentence, document: ReportDocument) -> str:
    """A model is always named; a person until somebody answers for the whole."""
    if sentence.origin == "person" and not document.is_signed:
        return f"({sentence.author})"
    return by_model(sentence).strip()


def register_fonts() -> None:
    """Make the fonts of reports known to ReportLab, which embeds what is used of them."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    for name in (REGULAR_FONT, _BOLD):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))
    pdfmetrics.registerFontFamily(
        REGULAR_FONT, normal=REGULAR_FONT, bold=_BOLD, italic=REGULAR_FONT, boldItalic=_BOLD
    )


def _styles() -> dict[str, Any]:
    from reportlab.lib.styles import ParagraphStyle

    def style(name: str, **more: Any) -> Any:
        return ParagraphStyle(
            name, **{"fontName": REGULAR_FONT, "fontSize": 9.5, "leading": 13.5, **more}
        )

    return {
        "title": style("title", fontName=_BOLD, fontSize=16, leading=20, spaceAfter=4),
        "caution": style("caution", fontName=_BOLD, textColor=_RED, spaceAfter=6),
        "heading": style("heading", fontName=_BOLD, fontSize=10.5, spaceBefore=9, spaceAfter=2),
        "body": style("body", spaceAfter=1),
        "signed": style("signed", fontName=_BOLD),
        "small": style("small", fontSize=7.5, leading=9.5),
        "small_bold": style("small_bold", fontName=_BOLD, fontSize=8, leading=11),
    }


def _head(document: ReportDocument, styles: dict[str, Any], text: Typesetter) -> Any:
    source, study, language = document.source, document.study, document.version.language
    words = words_of(language)
    values = {
        "patient": shown_name(source.get("PatientName")),
        "patient_id": study.patient_id,
        "born": date_in_words(study.patient_birth_date, language),
        "sex": words["sexes"][sex_of(source.get("PatientSex"))],
        "study": date_in_words(study.study_date, language),
        "accession": study.accession_number,
        "referrer": shown_name(study.referring_physician_name),
        "written": _written(document),
    }
    rows = [(words["head"][key], value or "-") for key, value in values.items()]
    widths = (120, 360)
    size = styles["small"].fontSize
    cells = [
        [f"<b>{label}</b>", text.markup(value, widths[1] - _CELL_PADDING_PT, size)]
        for label, value in rows
    ]
    return _table(cells, widths, styles)


def _findings_table(
    document: ReportDocument, numbers: dict[str, int], styles: dict[str, Any], text: Typesetter
) -> Any:
    widths = (34, 226, 90, 130)
    size = styles["small"].fontSize
    locale, words = load_locale(document.version.language), words_of(document.version.language)
    columns = words["columns"]
    rows = [[f"<b>{columns[one]}</b>" for one in ("number", "finding", "value", "maker")]]
    for finding_id, number in numbers.items():
        stated = document.findings[finding_id]
        finding = stated.finding
        value = "" if finding.value is None else locale.quantity(finding.value, finding.unit)
        if not stated.counts:
            value = words["left_out"]
        elif stated.corrected_by:
            value = f"{value} ({corrected_by(stated, document.version.language)})"
        elif finding.is_truncated:
            value = locale.part_of(value)
        elif finding.is_implausible:
            value = locale.doubted(value)
        prior = finding.study_instance_uid != document.study.study_instance_uid
        label = locale.label(finding.label)
        if prior:
            label = locale.fill(words["of_earlier_study"], {"label": label})
        if finding_id in document.withdrawn:
            label = locale.fill(words["withdrawn"], {"label": label})
        maker = f"{finding.pipeline} {finding.pipeline_version}"
        cells = zip((label, value, maker), widths[1:], strict=True)
        shown = (text.markup(one, width - _CELL_PADDING_PT, size) for one, width in cells)
        rows.append([f"[{number}]", *shown])
    return _table(rows, widths, styles)


def _table(rows: Sequence[Sequence[str]], widths: Sequence[int], styles: dict[str, Any]) -> Any:
    from reportlab.platypus import Paragraph, Table, TableStyle

    cells = [[Paragraph(cell, styles["small"]) for cell in row] for row in rows]
    return Table(
        cells,
        colWidths=widths,
        hAlign="LEFT",
        # A name that is longer than a page, which a header may hold, keeps no report back.
        splitInRow=1,
        style=TableStyle(
            [
                ("LINEBELOW", (0, 0), (-1, -1), 0.25, "#d5dbe1"),
                ("TOPPADDING", (0, 0), (-1, -1), 1),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
                ("LEFTPADDING", (0, 0), (0, -1), 0),
            ]
        ),
    )


def _footer(document: ReportDocument) -> Any:
    version = document.version
    locale, words = load_locale(version.language), words_of(version.language)
    values = {
        "maker": MANUFACTURER,
        "version": str(version.version),
        "state": words["states"][version.state],
    }
    origin = [] if document.is_signed else [words["drafted"]]
    text = " ".join([locale.fill(words["footer"], values), *origin, words["research"]])

    def draw(canvas: Any, page: Any) -> None:
        canvas.saveState()
        canvas.setFont(REGULAR_FONT, 7)
        canvas.setFillColor(_GREY)
        canvas.drawString(_MARGIN_PT, 30, text)
        canvas.drawRightString(page.pagesize[0] - _MARGIN_PT, 30, str(canvas.getPageNumber()))
        canvas.restoreState()

    return draw


def _is_in_font(character: str) -> bool:
    from reportlab.pdfbase import pdfmetrics

    return ord(character) in pdfmetrics.getFont(REGULAR_FONT).face.charToGlyph


def _reference(source: Dataset) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = source.SOPClassUID
    reference.ReferencedSOPInstanceUID = source.SOPInstanceUID
    return reference
