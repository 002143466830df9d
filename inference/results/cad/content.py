"""Content items of a structured report (PS3.3 C.17.3), as the CAD templates need them.

Beside what highdicom encodes these have items without a name, and items that refer to another one
of the same document.
"""

from collections.abc import Sequence

import highdicom as hd
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.valuerep import format_number_as_ds

from storage.core.findings import Code

CONTAINS = "CONTAINS"
HAS_PROPERTIES = "HAS PROPERTIES"
HAS_CONCEPT_MOD = "HAS CONCEPT MOD"
HAS_OBS_CONTEXT = "HAS OBS CONTEXT"
HAS_ACQ_CONTEXT = "HAS ACQ CONTEXT"
INFERRED_FROM = "INFERRED FROM"
SELECTED_FROM = "SELECTED FROM"

Path = tuple[int, ...]
"""Where an item stands in the document, counted from 1 on each level (PS3.3 C.17.3.2.5)."""


def dcm(value: str, meaning: str) -> Code:
    return Code(value, "DCM", meaning)


def coded(code: Code) -> Dataset:
    """PS3.3 Table 8.8-1."""
    made: Dataset = hd.sr.CodedConcept(code.value, code.scheme_designator, code.meaning)
    return made


def item(
    relationship: str, value_type: str, name: Code | None, children: Sequence[Dataset] = ()
) -> Dataset:
    """An item whose value is still to be set; `children` in the order of the template."""
    made = Dataset()
    if relationship:
        made.RelationshipType = relationship
    made.ValueType = value_type
    if name is not None:
        made.ConceptNameCodeSequence = Items([coded(name)])
    if children:
        made.ContentSequence = Items(children)
    return made


def container(
    relationship: str, name: Code, children: Sequence[Dataset], template: str = ""
) -> Dataset:
    made = item(relationship, "CONTAINER", name, children)
    made.ContinuityOfContent = "SEPARATE"
    if template:
        identified = Dataset()
        identified.MappingResource = "DCMR"
        identified.TemplateIdentifier = template
        made.ContentTemplateSequence = Items([identified])
    return made


def code_item(
    relationship: str, name: Code, value: Code, children: Sequence[Dataset] = ()
) -> Dataset:
    made = item(relationship, "CODE", name, children)
    made.ConceptCodeSequence = Items([coded(value)])
    return made


def text_item(relationship: str, name: Code, value: str) -> Dataset:
    made = item(relationship, "TEXT", name)
    made.TextValue = value
    return made


def uid_item(relationship: str, name: Code, value: str) -> Dataset:
    made = item(relationship, "UIDREF", name)
    made.UID = value
    return made


def date_item(relationship: str, name: Code, value: str) -> Dataset:
    made = item(relationship, "DATE", name)
    made.Date = value
    return made


def percent_item(relationship: str, name: Code, value: float) -> Dataset:
    measured = Dataset()
    measured.MeasurementUnitsCodeSequence = Items([coded(Code("%", "UCUM", "Percent"))])
    measured.NumericValue = format_number_as_ds(value)
    made = item(relationship, "NUM", name)
    made.MeasuredValueSequence = Items([measured])
    return made


def image_item(relationship: str, source: Dataset, children: Sequence[Dataset] = ()) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = source.SOPClassUID
    reference.ReferencedSOPInstanceUID = source.SOPInstanceUID
    made = item(relationship, "IMAGE", None, children)
    made.ReferencedSOPSequence = Items([reference])
    return made


def place_item(
    name: Code, graphic_type: str, points: Sequence[tuple[float, float]], image: Path
) -> Dataset:
    """A place in an image of the library: column and row, 0, 0 being the upper left corner of the
    upper left pixel (PS3.3 C.18.6.1.1)."""
    made = item(HAS_PROPERTIES, "SCOORD", name, [referring(SELECTED_FROM, image)])
    made.GraphicType = graphic_type
    made.GraphicData = [float(value) for point in points for value in point]
    return made


def referring(relationship: str, to: Path) -> Dataset:
    """Another item of the document, by where it stands."""
    made = Dataset()
    made.RelationshipType = relationship
    made.ReferencedContentItemIdentifier = list(to)
    return made
