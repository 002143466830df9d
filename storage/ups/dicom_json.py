"""Read and write attributes in DICOM JSON (PS3.18 F) by keyword, as workitems are kept."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

JsonAttributes = dict[str, Any]
"""Tag of eight upper-case digits → {"vr": …, "Value": […]}."""

NODE_SCHEME = "99MEDIVIEW"
_SHORT_CODE_MAX_LENGTH = 16


@lru_cache(maxsize=512)
def tag_of(keyword: str) -> str:
    """`PatientID` → `00100020`."""
    # Here and below, for the reason in `storage/dicom/part10.py`.
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"{keyword} is not a keyword of the dictionary")
    return f"{tag:08X}"


def element(keyword: str, *values: Any) -> dict[str, Any]:
    """One element; without values, or with the empty text alone, it is empty."""
    from pydicom.datadict import dictionary_VR

    vr = dictionary_VR(tag_of(keyword))
    kept = [one for one in values if one not in ("", None)]
    if not kept:
        return {"vr": vr}
    if vr == "PN":
        kept = [{"Alphabetic": one} if isinstance(one, str) else one for one in kept]
    return {"vr": vr, "Value": kept}


def attributes_of(**values: Any) -> JsonAttributes:
    """Attributes by keyword; a list gives several values or the items of a sequence."""
    return {
        tag_of(keyword): element(keyword, *(value if isinstance(value, list) else [value]))
        for keyword, value in values.items()
    }


def has_value(attributes: Mapping[str, Any], keyword: str) -> bool:
    found = attributes.get(tag_of(keyword)) or {}
    return any(one not in ("", None) for one in found.get("Value") or [])


def text_of(attributes: Mapping[str, Any], keyword: str) -> str:
    """The first value as text, '' where there is none."""
    found = attributes.get(tag_of(keyword)) or {}
    first = (found.get("Value") or [""])[0]
    if isinstance(first, Mapping):
        first = first.get("Alphabetic", "")
    return "" if first is None else str(first)


def items_of(attributes: Mapping[str, Any], keyword: str) -> list[JsonAttributes]:
    """The items of a sequence."""
    found = attributes.get(tag_of(keyword)) or {}
    return [one for one in found.get("Value") or [] if isinstance(one, dict)]


def first_item(attributes: Mapping[str, Any], keyword: str) -> JsonAttributes:
    return (items_of(attributes, keyword) or [{}])[0]


def code_item(value: str, scheme: str, meaning: str) -> JsonAttributes:
    """A coded concept (PS3.3 Table 8.8-1); a long value has an attribute of its own."""
    name = "CodeValue" if len(value) <= _SHORT_CODE_MAX_LENGTH else "LongCodeValue"
    return attributes_of(
        **{name: value}, CodingSchemeDesignator=scheme, CodeMeaning=meaning[:64] or value[:64]
    )


def codes_of(attributes: Mapping[str, Any], keyword: str) -> list[tuple[str, str]]:
    """(value, coding scheme) of each coded concept of a sequence."""
    return [
        (
            text_of(item, "CodeValue") or text_of(item, "LongCodeValue"),
            text_of(item, "CodingSchemeDesignator"),
        )
        for item in items_of(attributes, keyword)
    ]


def date_time(at: datetime) -> str:
    """A DT value with its offset (PS3.5 6.2)."""
    return at.astimezone(UTC).strftime("%Y%m%d%H%M%S.%f+0000")


def read_date_time(text: str) -> datetime | None:
    """The moment that a DT value begins with, in UTC where it names no offset; None for none."""
    for form in ("%Y%m%d%H%M%S.%f", "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d%H", "%Y%m%d"):
        for offset in ("%z", ""):
            try:
                read = datetime.strptime(text.strip(), form + offset)
            except ValueError:
                continue
            return read if read.tzinfo is not None else read.replace(tzinfo=UTC)
    return None


def references_by_series(
    study_instance_uid: str, instances: Sequence[tuple[str, str, str]]
) -> list[JsonAttributes]:
    """Items of an input or output information sequence (PS3.3 Table 10-3b).

    `instances`: (series, SOP class, SOP instance), grouped by series here.
    """
    by_series: dict[str, list[JsonAttributes]] = {}
    for series_instance_uid, sop_class_uid, sop_instance_uid in instances:
        by_series.setdefault(series_instance_uid, []).append(
            attributes_of(
                ReferencedSOPClassUID=sop_class_uid, ReferencedSOPInstanceUID=sop_instance_uid
            )
        )
    return [
        attributes_of(
            TypeOfInstances="DICOM",
            StudyInstanceUID=study_instance_uid,
            SeriesInstanceUID=series_instance_uid,
            ReferencedSOPSequence=references,
        )
        for series_instance_uid, references in by_series.items()
    ]
