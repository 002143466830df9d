"""A report as an unsolicited observation, ORU^R01 (HL7 2.5.1, chapter 7)."""

from collections.abc import Iterator
from datetime import datetime

from dicom_node.hl7.writing import components, escaped, segment, timestamp
from inference.fhir.subject import accession_issuer_of
from inference.findings.standing import StandingFinding
from inference.reports.export.document import ReportDocument
from inference.reports.export.text import corrected_by, in_full, plain, rests_on
from storage.core.findings import NormalRange
from storage.core.patient_sex import sex_of
from storage.core.text.dates import date_of
from storage.core.text.rounding import without_exponent
from storage.reports.hl7_entities import Hl7Message
from storage.settings import Settings

# LOINC, by the kind of section.
_SECTIONS = {
    "indication": ("55752-0", "Clinical information"),
    "technique": ("55111-9", "Current imaging procedure descriptions"),
    "comparison": ("18834-2", "Radiology Comparison study"),
    "findings": ("59776-5", "Procedure findings"),
    "impression": ("19005-8", "Radiology Imaging study [Impression]"),
    "note": ("48767-8", "Annotation comment"),
}
_ABNORMAL_FLAGS = {"below": "L", "within": "N", "above": "H"}
"""HL7 table 0078."""
# HL7 table 0123 for the report, 0085 for each observation.
_STATUS = {"draft": "P", "preliminary": "P", "final": "F", "amended": "C"}
_CODECS = {"UNICODE UTF-8": "utf-8", "8859/1": "iso-8859-1"}


_NOTICE = components("48767-8", "Annotation comment", "LN")
_NOTICE_GROUP = "0.1"
"""OBX-4: no sentence has it."""
# What is made of images (PS3.3 C.7.3.1.1.1), which OBR-24 does not ask for.
_NOT_ACQUIRED = frozenset("SR SEG DOC KO PR OT REG FID RTSTRUCT RTPLAN RTDOSE RTRECORD".split())


def encode_oru(
    document: ReportDocument,
    message: Hl7Message,
    settings: Settings,
    *,
    deletes_notice: bool = False,
) -> bytes:
    """One OBX of text a sentence, and one a number that it rests on, bound by OBX-4.

    A number that a person has given is followed by an NTE which says so, with the software's.

    A document with a notice is a correction (OBR-25 C), since a final result can only be changed
    by one; what was withdrawn is posted as wrong (OBX-11 W), the rest is as it was.
    `deletes_notice`: the receiver may have such a notice on an older version.
    Signs that 8859/1 lacks are written by what comes nearest.
    """
    # A receiver orders messages by their time; that of a notice is later than its version's.
    at = message.created_at.astimezone() if document.notice else document.at
    segments = [_msh(at, message, settings), _pid(document)]
    segments += [_orc(document), _obr(document, at)]
    for number, (fields, note) in enumerate(_observed(document, deletes_notice), 1):
        segments.append(segment("OBX", [str(number), *fields]))
        if note:
            segments.append(segment("NTE", ["1", "L", escaped(note)]))
    text = plain("\r".join(segments) + "\r")
    return text.encode(_CODECS[settings.hl7_encoding], "replace")


def _msh(at: datetime, message: Hl7Message, settings: Settings) -> str:
    return segment(
        "MSH",
        [
            "^~\\&",
            escaped(settings.hl7_application),
            escaped(settings.hl7_facility),
            escaped(message.destination),
            "",
            timestamp(at),
            "",
            "ORU^R01^ORU_R01",
            message.control_id,
            "P",
            "2.5.1",
            "",
            "",
            "AL",
            "NE",
            "",
            settings.hl7_encoding,
        ],
    )


def _pid(document: ReportDocument) -> str:
    study = document.study
    person = components(*_name_parts(study.patient_name))
    # Nobody has checked that the date of a header is one.
    born = _day(study.patient_birth_date)
    identifier = components(study.patient_id, "", "", study.issuer_of_patient_id)
    sex = sex_of(study.patient_sex) or escaped(study.patient_sex)
    return segment("PID", ["1", "", identifier, "", person, "", born, sex])


def _name_parts(person_name: str) -> tuple[str, ...]:
    """Of a PN, in the order of XPN, XCN and NDL: the suffix before the prefix (PS3.5 6.2.1)."""
    parts = [*person_name.split("=", maxsplit=1)[0].split("^"), "", "", "", ""]
    return parts[0], parts[1], parts[2], parts[4], parts[3]


def _day(dicom_date: str) -> str:
    """Eight digits; empty of what is no day, such as a 30 February."""
    found = date_of(dicom_date)
    return "" if found is None else found.isoformat().replace("-", "")


def _order_numbers(document: ReportDocument) -> tuple[str, str]:
    """Placer's and filler's, as ORC-2 and 3 and OBR-2 and 3 have them.

    Without an order the accession number stands for the filler's: the node's results have no
    other name that the receiver knows.
    """
    study = document.study
    if document.filler_order_number:
        return escaped(document.placer_order_number), escaped(document.filler_order_number)
    issuer = accession_issuer_of(study)
    filler = components(study.accession_number, issuer.namespace, *issuer.universal)
    return escaped(document.placer_order_number), filler


def _orc(document: ReportDocument) -> str:
    """RE: observations to follow, to the order of these numbers."""
    return segment("ORC", ["RE", *_order_numbers(document)])


def _obr(document: ReportDocument, at: datetime) -> str:
    study, version = document.study, document.version
    fields = [""] * 32
    fields[0] = "1"
    fields[1], fields[2] = _order_numbers(document)
    fields[3] = components("18748-4", version.title, "LN")
    if day := _day(study.study_date):
        fields[6] = escaped(day + study.study_time.split(".")[0].replace(":", ""))
    fields[15] = components("", *_name_parts(study.referring_physician_name))
    fields[17] = escaped(study.accession_number)
    fields[21] = timestamp(at)
    acquired = (one for one in study.modalities if one not in _NOT_ACQUIRED)
    fields[23] = escaped(next(acquired, ""))
    is_corrected = document.is_signed and document.notice
    fields[24] = "C" if is_corrected else _STATUS[version.state]
    if document.signed_by:
        fields[31] = components(document.signed_by, *_name_parts(document.version.signed_name))
    return segment("OBR", fields)


def _observed(document: ReportDocument, deletes_notice: bool) -> Iterator[tuple[list[str], str]]:
    """The fields of each OBX from OBX-2 on, and the note that follows it; mostly none."""
    status = _STATUS[document.version.state]
    named = [
        "HD",
        components("113014", "DICOM Study", "DCM"),
        "1",
        escaped(document.study.study_instance_uid),
        *[""] * 5,
        "O" if status == "P" else status,
    ]
    yield named, ""
    if document.notice:
        added = "F" if document.is_signed else status
        yield _obx("TX", _NOTICE, _NOTICE_GROUP, escaped(document.notice), added), ""
    elif deletes_notice:
        yield _obx("TX", _NOTICE, _NOTICE_GROUP, "", "D"), ""
    for at, section in enumerate(document.version.sections, 1):
        code, meaning = _SECTIONS[section.kind]
        for number, sentence in enumerate(section.sentences, 1):
            group = f"{at}.{number}"
            words = _obx(
                "TX",
                components(code, meaning, "LN"),
                group,
                escaped(in_full(sentence, document.withdrawn, document.version.language)),
                "W" if rests_on(sentence, document.withdrawn) else status,
            )
            yield words, ""
            if sentence.basis != "findings":
                continue
            for finding_id in sentence.finding_ids:
                stated = document.findings.get(finding_id)
                if stated is not None and stated.value is not None:
                    is_withdrawn = finding_id in document.withdrawn
                    fields = _number(stated, group, "W" if is_withdrawn else status)
                    yield fields, corrected_by(stated, document.version.language)


def _number(stated: StandingFinding, group: str, status: str) -> list[str]:
    finding, value, normal = stated.finding, stated.value, stated.normal_range
    code = components(finding.code.value, finding.label, _system(finding.code.scheme_designator))
    shown = "" if value is None else without_exponent(value)
    fields = _obx("NM", code, group, shown, status)
    if finding.unit is not None:
        fields[4] = components(finding.unit.value, finding.unit.meaning, "UCUM")
    if normal is not None and value is not None:
        fields[5] = limits_of(normal)
        fields[6] = _ABNORMAL_FLAGS.get(normal.place_of(value) or "", "")
    return fields


def limits_of(normal: NormalRange) -> str:
    """OBX-7 (HL7 v2.5.1, 7.4.2.7), which receivers compare a value with by themselves; empty where
    that is not to be done."""
    if normal.caveat:
        return ""
    low, high = (
        None if one is None else without_exponent(one) for one in (normal.low, normal.high)
    )
    if low is None:
        return "" if high is None else f"<{high}"
    return f">{low}" if high is None else f"{low}-{high}"


def _obx(kind: str, code: str, group: str, value: str, status: str) -> list[str]:
    return [kind, code, group, value, "", "", "", "", "", status]


def _system(scheme_designator: str) -> str:
    """HL7 table 0396, which has its own name for LOINC and for local codes."""
    return {"LN": "LN", "SCT": "SCT", "DCM": "DCM"}.get(scheme_designator, "L")
