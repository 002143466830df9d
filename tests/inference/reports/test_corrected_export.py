"""A value that a reader has corrected, in every form in which the signed report leaves."""

from datetime import timedelta, timezone
from io import BytesIO
from pathlib import Path

import pypdfium2
import pytest

from inference.findings.standing import StandingFinding
from inference.reports.due import draft_due
from inference.reports.export.document import read_document
from inference.reports.export.hl7_delivery import send_due
from inference.reports.export.oru import _number, _obr, _pid
from inference.reports.export.pdf import encode_report_pdf, write_pdf
from inference.reports.export.publishing import publish_due
from inference.reports.export.sr import encode_report_sr
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.core.findings import Code, NormalRange
from tests.api.client import finding_of
from tests.dicom_node.hl7.mllp import acknowledged, parsed, system
from tests.e2e.support.checks import validators_errors
from tests.inference.reports.studies import drafted, measured_study, opened
from tests.inference.results_support import job_for

_LITRES = Code("L", "UCUM", "liter")
_READER = of_account("dr-jones")


def test_numbers_of_a_signed_report_are_those_that_readers_gave(tmp_path: Path) -> None:
    with (
        system(lambda message: acknowledged(message, "AA")) as (port, taken),
        opened(tmp_path, hl7_destinations=f"ris=mllp://127.0.0.1:{port}") as storage,
    ):
        normal = NormalRange("cm3", 1000.0, 1200.0, "Cohort of the site", percentile=97.2)
        before = measured_study(storage, 1100.0, seed=1, date="20230131")
        study = measured_study(storage, 1234.5, seed=2, normal_range=normal)
        drafted(storage, before)
        say = storage.finding_feedback.add
        (then,), (now,) = map(storage.findings.of_study, (before, study))
        say(then, "CORRECTED", _READER, value=1_000_000, unit=Code("mm3", "UCUM", "mm3"))
        say(now, "CORRECTED", _READER, value=1.15, unit=_LITRES)
        for hours in (1, 2):
            draft_due(storage, utcnow() + timedelta(hours=hours))
        (report,) = storage.reports.of_study(study)
        signed = storage.reports.move(report.report_id, report.version, "final", _READER)
        # What is stated after the signature is not in the version that was signed.
        say(now, "REJECTED", _READER)
        publish_due(storage)
        assert send_due(storage, "w") == 1
        document = read_document(storage, signed, signed.version)
        structured = encode_report_sr(document, organization="St. E")
        pdf = write_pdf(document)
    segments = list(parsed(taken[-1]).children)
    numbers = [at for at, one in enumerate(segments) if one.name == "OBX" and
               one.obx_2.value == "NM"]  # fmt: skip
    assert numbers
    for at in numbers:
        stated, note = segments[at], segments[at + 1]
        assert (stated.obx_5.value, stated.obx_6.obx_6_1.value) == ("1150", "cm3")
        assert (stated.obx_7.value, stated.obx_8.value) == ("1000-1200", "N")
        assert note.nte_3.value == "corrected by dr-jones; the software had measured 1,234.5 cm³"
    found = _numbers(structured)
    assert {value for value, _ in found} == {1150.0}
    assert {comment for _, comment in found} == {
        "corrected by dr-jones; the software had measured 1,234.5 cm³"
    }
    path = tmp_path / "signed.dcm"
    structured.save_as(path)
    assert validators_errors(path) == []
    text = _text(pdf)
    assert "1,150.0 cm³ (corrected by dr-jones; the software had measured 1,234.5 cm³)" in text
    assert "1,000.0 cm³ (corrected by dr-jones; the software had measured 1,100.0 cm³)" in text


def test_a_signed_report_states_its_times_in_the_zone_of_the_images(tmp_path: Path) -> None:
    """PS3.3 C.12.1.1.8."""
    with opened(tmp_path) as storage:
        report = drafted(storage, measured_study(storage, offset="+0900"))
        signed = storage.reports.move(report.report_id, report.version, "final", _READER)
        document = read_document(storage, signed, signed.version)
        objects = encode_report_sr(document, organization="St. E"), encode_report_pdf(document)
    there = document.version.changed_at.astimezone(timezone(timedelta(hours=9)))
    for one in objects:
        assert one.TimezoneOffsetFromUTC == "+0900"
        assert f"{one.ContentDate}{one.ContentTime}"[:14] == f"{there:%Y%m%d%H%M%S}"
        assert f"{one.SeriesDate}{one.SeriesTime}"[:14] == f"{there:%Y%m%d%H%M%S}"
    (observer,) = objects[0].VerifyingObserverSequence
    assert str(observer.VerificationDateTime) == f"{there:%Y%m%d%H%M%S}+0900"
    assert f"{there:%Y-%m-%d %H:%M} UTC+09:00" in _text(objects[1].EncapsulatedDocument)


def test_a_day_that_does_not_exist_is_none(tmp_path: Path) -> None:
    """Nor is it one of the calendar in words."""
    with opened(tmp_path) as storage:
        study = measured_study(storage, born="19800230", date="20260230")
        report = drafted(storage, study)
        document = read_document(storage, report, report.version)
        pdf = write_pdf(document)
    # PID-7 and OBR-7.
    assert "1980" not in _pid(document)
    assert _obr(document, document.at).split("|")[7] == ""
    assert "February" not in _text(pdf)


@pytest.mark.parametrize(
    ("value", "written"),
    [(1234567.0, "1234567"), (0.00001234, "0.00001234"), (0.1 + 0.2, "0.3"), (-12.5, "-12.5")],
)
def test_numbers_of_hl7_have_no_exponent(value: float, written: str) -> None:
    """HL7 v2.5.1, 2.A.47."""
    stated = StandingFinding(finding_of(job_for(None), value))
    assert _number(stated, "1", "F")[3] == written


def test_what_was_rejected_is_no_number_of_a_text_that_still_names_it(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        study = measured_study(storage)
        report = drafted(storage, study)
        (finding,) = storage.findings.of_study(study)
        storage.finding_feedback.add(finding, "REJECTED", _READER)
        # A person signs the text of before.
        signed = storage.reports.move(report.report_id, report.version, "final", _READER)
        document = read_document(storage, signed, signed.version)
        structured = encode_report_sr(document, organization="St. E")
        pdf = write_pdf(document)
    assert any("1,234.5" in one.text for one in signed.sentences)
    assert _numbers(structured) == []
    assert "left out on review" in _text(pdf)


def _numbers(item: object) -> list[tuple[float, str]]:
    """Values with their comments."""
    found = []
    for one in getattr(item, "ContentSequence", ()):
        if one.ValueType == "NUM":
            value = float(one.MeasuredValueSequence[0].NumericValue)
            found.append((value, " ".join(it.TextValue for it in one.get("ContentSequence", ()))))
        found += _numbers(one)
    return found


def _text(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(BytesIO(pdf))
    return " ".join(" ".join(page.get_textpage().get_text_range() for page in document).split())
