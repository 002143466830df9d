"""Header values of images, which anybody may have written, in what leaves as HL7."""

from dataclasses import replace
from datetime import UTC, datetime

from pydicom.dataset import Dataset

from inference.reports.export.document import ReportDocument
from inference.reports.export.oru import encode_oru
from inference.reports.export.pdf import write_pdf
from storage.core.entities import Study
from storage.reports.entities import Report, ReportSection, ReportSentence, ReportVersion
from storage.reports.hl7_entities import Hl7Message
from storage.settings import Settings
from tests.dicom_node.hl7.mllp import parsed

_AT = datetime(2026, 1, 2, tzinfo=UTC)
_HOSTILE = "\rOBX|9|TX|||No tumour||||||F\r\x1c\r\x0bMSH|^~\\&|"


def report_on(study: Study) -> ReportDocument:
    sections = (ReportSection("Findings", (ReportSentence("A sentence."),)),)
    version = ReportVersion("r", 1, "final", "en", "Report", sections, "dr", _AT, "")
    uid = study.study_instance_uid
    report = Report("r", uid, "", "final", "en", "Report", sections, _AT, _AT)
    return ReportDocument(report, version, study, Dataset(), (), {})


def oru(study: Study) -> bytes:
    message = Hl7Message("m", "ris", "r", 1, "1.2", "C1", "PENDING", 0, _AT, "", _AT, _AT)
    return encode_oru(report_on(study), message, Settings())


def study_of(**hostile: str) -> Study:
    values = {
        "study_instance_uid": "1.2", "patient_id": "1", "issuer_of_patient_id": "",
        "patient_name": "A^B", "patient_birth_date": "19700101", "patient_sex": "F",
        "study_date": "20260101", "study_time": "10:11:12.5", "accession_number": "A-1",
        "study_description": "", "study_id": "", "referring_physician_name": "R",
    }  # fmt: skip
    modality = hostile.pop("modality", "MR")
    return Study(
        **values | hostile, received_at=_AT, updated_at=_AT, series_count=1,
        instance_count=1, size_bytes=1, modalities=("KO", "OT", "SEG", modality),
    )  # fmt: skip


def test_no_header_value_adds_a_segment_or_ends_the_message() -> None:
    usual = parsed(oru(study_of()))
    assert (usual.pid.pid_7.value, usual.pid.pid_8.value) == ("19700101", "F")
    assert (usual.obr.obr_7.value, usual.obr.obr_24.value) == ("20260101101112", "MR")
    names = [one.name for one in usual.children]
    for keyword in (
        "patient_id", "issuer_of_patient_id", "patient_name", "patient_birth_date", "patient_sex",
        "study_date", "study_time", "accession_number", "referring_physician_name", "modality",
    ):  # fmt: skip
        message = oru(study_of(**{keyword: f"1{_HOSTILE}"}))
        assert not {0x0B, 0x1C} & set(message), keyword
        assert [one.name for one in parsed(message).children] == names, keyword


def test_what_a_person_wrote_keeps_its_lines_and_no_controls() -> None:
    study = study_of(patient_sex="F\x1c", patient_name="A^B\tC\x00")
    message = oru(replace(study, accession_number="A\nB"))
    assert b"|F\rORC" in message
    assert b"A^B C|" in message
    assert b"A\\.br\\B" in message


def test_a_value_that_is_longer_than_a_page_keeps_no_pdf_back() -> None:
    assert write_pdf(report_on(study_of(accession_number="9 " * 8_000))).startswith(b"%PDF")
