"""Look into the content of a structured document, as tolerantly as foreign ones need."""

from collections.abc import Iterable, Iterator

from pydicom.dataset import Dataset

from storage.core.findings import Code

_PERSON = Code("121008", "DCM", "Person Observer Name")
_DEVICE = Code("121013", "DCM", "Device Observer Name")


def author_of(document: Dataset) -> str:
    """The person, or else the device, that the observation context names."""
    items = document.get("ContentSequence") or ()
    return text_of(items, _PERSON, "PersonName") or text_of(items, _DEVICE, "TextValue")


def replaced_by(document: Dataset) -> Iterator[str]:
    """SOPInstanceUIDs of the Predecessor Documents Sequence (PS3.3 C.17.2)."""
    for study in document.get("PredecessorDocumentsSequence") or ():
        for series in study.get("ReferencedSeriesSequence") or ():
            for reference in series.get("ReferencedSOPSequence") or ():
                yield str(reference.ReferencedSOPInstanceUID)


def series_of(document: Dataset, sop_instance_uid: str) -> str:
    """The series in which the evidence of a document lists an instance; empty where it does not."""
    for keyword in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"):
        for study in document.get(keyword) or ():
            for series in study.get("ReferencedSeriesSequence") or ():
                for reference in series.get("ReferencedSOPSequence") or ():
                    if reference.get("ReferencedSOPInstanceUID") == sop_instance_uid:
                        return str(series.get("SeriesInstanceUID") or "")
    return ""


def frame_of(reference: Dataset) -> int | None:
    """The first frame that a reference names, from 1; None where it names none."""
    frames = reference.get("ReferencedFrameNumber")
    if frames is None or frames == "":
        return None
    return int(frames if isinstance(frames, (int, str)) else frames[0])


def text_of(items: Iterable[Dataset], code: Code, keyword: str) -> str:
    """What the first content item of that name says; empty where there is none."""
    for item in items:
        if has_name(item, code) and item.get(keyword):
            return str(item[keyword].value)
    return ""


def has_name(item: Dataset, code: Code) -> bool:
    """Whether a content item is of that concept."""
    for name in item.get("ConceptNameCodeSequence") or ():
        return (name.get("CodeValue"), name.get("CodingSchemeDesignator")) == (
            code.value,
            code.scheme_designator,
        )
    return False


def code_value(item: Dataset, keyword: str) -> str:
    """The value of the first code of a sequence; empty where there is none."""
    for code in item.get(keyword) or ():
        return str(code.get("CodeValue") or "")
    return ""
