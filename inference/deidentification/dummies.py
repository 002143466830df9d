"""Values in the place of those that must be there and say something (action D)."""

from collections.abc import Callable
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from inference.deidentification.errors import CannotDeidentify

REMOVED = "REMOVED"
_TEXTS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_NUMBERS = frozenset({"FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"})
_BYTES = frozenset({"OB", "OW", "UN"})
_VALUES = {
    "AS": "000Y",
    "DA": "19000101",
    "DT": "19000101000000",
    "TM": "000000",
    "DS": "0",
    "IS": "0",
    "UR": "http://removed.invalid",
}


def dummy(element: DataElement, replace_uid: Callable[[str], str]) -> Any:
    """A value of the element's VR. Raises CannotDeidentify for a VR that has none."""
    if element.VR == "SQ":
        for item in element.value or ():
            _fill(item, replace_uid)
        return element.value
    if element.VR == "UI":
        return replaced_uids(element, replace_uid)
    if element.VR in _TEXTS:
        return REMOVED
    if element.VR in _NUMBERS:
        return 0
    if element.VR in _BYTES:
        return b"\0\0"
    if element.VR in _VALUES:
        return _VALUES[element.VR]
    raise CannotDeidentify(
        f"{element.keyword} has the VR {element.VR}, for which there is no dummy value.",
        remedy="Leave this instance out.",
    )


def replaced_uids(element: DataElement, replace_uid: Callable[[str], str]) -> Any:
    """Each UID but those of the standard by its pseudonym."""
    value = element.value
    if value is None or value == "":
        return value
    several = hasattr(value, "append")
    new = [
        one if not one or one.startswith("1.2.840.10008.") else replace_uid(one)
        for one in map(str, value if several else [value])
    ]
    return new if several else new[0]


def _fill(item: Dataset, replace_uid: Callable[[str], str]) -> None:
    for tag in list(item.keys()):
        if tag.is_private:
            del item[tag]
        else:
            element = item[tag]
            element.value = dummy(element, replace_uid)


def blank_pdf() -> bytes:
    """A page that says that its content was removed."""
    import io

    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer, invariant=1)
    canvas.drawString(72, 760, "The content of this document was removed.")
    canvas.save()
    data = buffer.getvalue()
    return data + b"\0" * (len(data) % 2)


def removed_content() -> Dataset:
    """A content item in the place of those of a structured report (PS3.3 C.17.3)."""
    name = Dataset()
    name.CodeValue, name.CodingSchemeDesignator, name.CodeMeaning = "121106", "DCM", "Comment"
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "TEXT"
    item.ConceptNameCodeSequence = [name]
    item.TextValue = "The content was removed."
    return item
