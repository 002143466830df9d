"""The report as an encapsulated PDF (PS3.3 A.45.1): numbers, pictures, and what they rest on."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, EncapsulatedPDFStorage, ExplicitVRLittleEndian

from inference.pipeline import Pipeline
from inference.result_identity import (
    DEVICE_SERIAL_NUMBER,
    MANUFACTURER,
    made_at,
    result_identity,
    result_series_description,
    result_series_number,
    software_versions,
)
from inference.results.equipment import contributing_equipment, finish
from inference.results.narrative import (
    joined_note,
    note_of,
    shown_interval,
    shown_limit,
    shown_range,
    shown_value,
)
from inference.results.patient_and_study import (
    character_set_of,
    inherit_patient_and_study,
    shown_name,
)
from inference.results.pictures.render import Picture
from inference.results.source_references import integer_of
from inference.typesetting.text import Typesetter
from storage.core.entities import Job
from storage.core.findings import Finding
from storage.core.text.dates import date_of, shown_time
from storage.core.text.outside_text import clean_text

_WITHIN_VARIATION = (
    "Within variation: not changed beyond the variation of the measurement, by which two"
    " measurements of the same may lie apart."
)
_MARGIN_PT = 48
_PICTURE_WIDTH_PT = 245
PAGE_WIDTH_PT = 490
_CELL_PADDING_PT = 12
SIZE_PT = 10  # of ReportLab's style "Normal"


def encode_pdf(
    job: Job,
    pipeline: Pipeline,
    sources: Sequence[Dataset],
    findings: Sequence[Finding],
    pictures: Sequence[Picture],
) -> Dataset:
    """One page or more: patient, a table of the findings, pictures, model and caution.

    UIDs, dates and the bytes of the PDF derive from the job, so a rerun repeats them.
    """
    first = sources[0]
    identity = result_identity(job, "PDF")
    at = made_at(job, first)
    document = Dataset()
    document.file_meta = FileMetaDataset()
    document.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    document.file_meta.MediaStorageSOPClassUID = EncapsulatedPDFStorage
    document.file_meta.MediaStorageSOPInstanceUID = UID(identity.sop_instance_uid)
    document.SOPClassUID = EncapsulatedPDFStorage
    document.SOPInstanceUID = UID(identity.sop_instance_uid)
    document.SeriesInstanceUID = identity.series_instance_uid
    document.Modality = "DOC"
    document.SeriesNumber = result_series_number(integer_of(first, "SeriesNumber"), "PDF")
    document.SeriesDescription = result_series_description(pipeline, "report")
    document.SeriesDate = document.ContentDate = at.strftime("%Y%m%d")
    document.SeriesTime = document.ContentTime = at.strftime("%H%M%S")
    document.AcquisitionDateTime = None
    document.InstanceNumber = 1
    document.ConversionType = "WSD"
    document.Manufacturer = document.ManufacturerModelName = MANUFACTURER
    document.DeviceSerialNumber = DEVICE_SERIAL_NUMBER
    document.SoftwareVersions = software_versions(pipeline)
    document.BurnedInAnnotation = "YES"
    document.VerificationFlag = "UNVERIFIED"
    document.DocumentTitle = (
        f"{pipeline.title}: {'AI ' if pipeline.card.is_ai else ''}report, research use only"
    )
    document.ConceptNameCodeSequence = []
    document.SourceInstanceSequence = [_reference(source) for source in sources]
    document.MIMETypeOfEncapsulatedDocument = "application/pdf"
    content = _write(pipeline, first, findings, pictures, at.strftime("%Y-%m-%d %H:%M"))
    document.EncapsulatedDocumentLength = len(content)
    document.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    inherit_patient_and_study(document, first)
    return finish(document, at, contributing_equipment(pipeline, first, at))


def _reference(source: Dataset) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = source.SOPClassUID
    reference.ReferencedSOPInstanceUID = source.SOPInstanceUID
    return reference


def _write(
    pipeline: Pipeline,
    source: Dataset,
    findings: Sequence[Finding],
    pictures: Sequence[Picture],
    scheduled: str,
) -> bytes:
    def story(text: Typesetter) -> list[Any]:
        return _story(pipeline, source, findings, pictures, scheduled, text)

    return written_pdf(pipeline.title, character_set_of(source), story)


def written_pdf(title: str, character_set: str, story: Callable[[Typesetter], list[Any]]) -> bytes:
    """Pages in A4; `story` is called twice, first for the characters that need other fonts."""
    from reportlab import rl_config
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import SimpleDocTemplate

    # Pictures as bytes, not as text: a fifth smaller, and written in half the time.
    rl_config.useA85 = 0
    buffer = BytesIO()
    page = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        title=clean_text(title),
        author=MANUFACTURER,
        leftMargin=_MARGIN_PT,
        rightMargin=_MARGIN_PT,
        topMargin=_MARGIN_PT,
        bottomMargin=_MARGIN_PT,
        # No time of day and no random id in the file.
        invariant=1,
    )
    text = Typesetter("Helvetica", _is_in_standard_font)
    story(text)
    with text.loaded(character_set):
        page.build(story(text))
    return buffer.getvalue()


def _story(
    pipeline: Pipeline,
    source: Dataset,
    findings: Sequence[Finding],
    pictures: Sequence[Picture],
    scheduled: str,
    text: Typesetter,
) -> list[Any]:
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, Spacer

    styles = getSampleStyleSheet()
    card = pipeline.card
    model = f"{card.name} {card.version}, {card.licence}. {card.intended_use}"

    def line(content: str) -> Any:
        return Paragraph(text.markup(content, PAGE_WIDTH_PT, SIZE_PT), styles["Normal"])

    return [
        Paragraph(escape(clean_text(pipeline.title)), styles["Title"]),
        Paragraph(f"<b>{escape(note_of(pipeline))}</b>", styles["Normal"]),
        Spacer(1, 10),
        table_of(patient_rows(source), text),
        Spacer(1, 12),
        _findings_table(findings, text),
        Spacer(1, 12),
        *(line(caution) for caution in cautions(findings)),
        *(line(f"Measured: {measures}.") for measures in _own_measures(findings)),
        *shown_pictures(pictures),
        Spacer(1, 12),
        line(f"Model: {model}"),
        # Of the job, since a rerun repeats the bytes: it may have waited before it was worked on.
        line(
            f"Made by {MANUFACTURER}, {pipeline.name} {pipeline.version};"
            f" analysis scheduled {scheduled}."
        ),
    ]


def cautions(findings: Sequence[Finding]) -> list[str]:
    """What a reader must know of the values, each once: of single ones with their names."""
    doubted = [
        f"{one.label}: {one.validity.reason}"
        for one in findings
        if one.validity is not None and one.is_implausible
    ]
    compared = [
        f"Normal range of {one.label}{f', {normal.of_whom}' if normal.of_whom else ''}:"
        f" {normal.source}. {normal.caveat}".rstrip()
        for one in findings
        if (normal := one.normal_range) is not None and shown_range(one)
    ]
    caveats = dict.fromkeys(caveat for one in findings for caveat in one.caveat_texts)
    if any(one.prior is not None and one.prior.is_within_variation for one in findings):
        compared.append(_WITHIN_VARIATION)
    compared += [f"{one.label}: {joined_note(one)}." for one in findings if joined_note(one)]
    return [*caveats, *doubted, *compared]


def _own_measures(findings: Sequence[Finding]) -> list[str]:
    """What is measured where no standard code says it, each once, all in one sentence."""
    meanings = dict.fromkeys(
        one.code.meaning
        for one in findings
        if one.value is not None and one.code.scheme_designator == "99MEDIVIEW"
    )
    return ["; ".join(meanings)] if meanings else []


def patient_rows(source: Dataset) -> list[tuple[str, str]]:
    return [
        ("Patient", shown_name(source.get("PatientName"))),
        ("Patient ID", str(source.get("PatientID") or "")),
        ("Date of birth", str(source.get("PatientBirthDate") or "")),
        ("Accession number", str(source.get("AccessionNumber") or "")),
        ("Study", f"{source.get('StudyDate') or ''} {source.get('StudyDescription') or ''}"),
        ("Series", f"{source.get('SeriesNumber') or ''} {source.get('SeriesDescription') or ''}"),
    ]


def _is_in_standard_font(character: str) -> bool:
    """Whether Helvetica of PDF has a sign for it (WinAnsiEncoding)."""
    try:
        return bool(character.encode("cp1252"))
    except UnicodeEncodeError:
        return False


def _findings_table(findings: Sequence[Finding], text: Typesetter) -> Any:
    """Value by value, beside the study before where any of them has one."""
    columns = [("Finding", 160.0, [one.label for one in findings])]
    if any(shown_range(one) for one in findings):
        columns.append(("Normal range", 100.0, [shown_range(one) for one in findings]))
    if any(one.prior is not None for one in findings):
        before, change = zip(*map(_shown_prior, findings), strict=True)
        columns += [("Study before", 125.0, list(before)), ("Change", 135.0, list(change))]
    rest = max(PAGE_WIDTH_PT - sum(width for _, width, _ in columns), 70.0)
    columns.insert(1, ("Value", rest, [_value(one) for one in findings]))
    fitting = PAGE_WIDTH_PT / sum(width for _, width, _ in columns)
    return table_of(
        list(zip(*(cells for _, _, cells in columns), strict=True)),
        text,
        tuple(name for name, _, _ in columns),
        tuple(width * fitting for _, width, _ in columns),
    )


def _shown_prior(finding: Finding) -> tuple[str, str]:
    """The value then with its date, and how much it changed since, in all and by year."""
    prior = finding.prior
    if prior is None:
        return "", ""
    then = shown_value(replace(finding, value=prior.value))
    date = date_of(prior.study_date)
    if prior.relation == "merged":
        then = f"{then} together"
    change = f"{prior.change_percent:+.1f} %"
    if prior.is_within_variation:
        limit = shown_limit(prior.variation_percent)
        change = f"within variation ({limit})"
    elif prior.change_percent_per_year is not None:
        change += f" ({prior.change_percent_per_year:+.1f} % a year)"
    if prior.relation:
        change += f", {prior.relation}, all parts together"
    time = shown_time(prior.study_time)
    when = f"{date:%Y-%m-%d} {time}".rstrip() if date else ""
    return f"{then} ({when})" if when else then, change


def table_of(
    rows: Sequence[tuple[str, ...]],
    text: Typesetter,
    header: tuple[str, ...] | None = None,
    widths: tuple[float, ...] = (240, 250),
) -> Any:
    from reportlab.lib import colors
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, Table, TableStyle

    normal = getSampleStyleSheet()["Normal"]
    cells = [
        [
            Paragraph(text.markup(part, width - _CELL_PADDING_PT, SIZE_PT), normal)
            for part, width in zip(row, widths, strict=True)
        ]
        for row in rows
    ]
    style = [
        ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.lightgrey),
        ("TOPPADDING", (0, 0), (-1, -1), 1),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ]
    if header is not None:
        cells.insert(0, [Paragraph(f"<b>{part}</b>", normal) for part in header])
        style.append(("LINEBELOW", (0, 0), (-1, 0), 0.75, colors.black))
    return Table(cells, colWidths=widths, style=TableStyle(style), repeatRows=1 if header else 0)


def shown_pictures(pictures: Sequence[Picture]) -> list[Any]:
    """Pictures two in a row."""
    from reportlab.platypus import Image as Drawing
    from reportlab.platypus import Table

    drawn = []
    for picture in pictures:
        buffer = BytesIO()
        Image.fromarray(picture.rgb).save(buffer, "PNG")
        buffer.seek(0)
        rows, columns, _ = picture.rgb.shape
        drawn.append(
            Drawing(buffer, width=_PICTURE_WIDTH_PT, height=_PICTURE_WIDTH_PT * rows / columns)
        )
    pairs = [drawn[start : start + 2] for start in range(0, len(drawn), 2)]
    return [Table([[*pair, ""][:2]]) for pair in pairs]


def _value(finding: Finding) -> str:
    """With its interval, where the model states one."""
    return ", ".join(part for part in (shown_value(finding), shown_interval(finding)) if part)
