"""What reports of other systems state in units and on images of their own."""

import pytest
from pydicom.dataset import Dataset
from pydicom.sr._snomed_dict import mapping

from inference.annotations import codes as words
from inference.annotations.drawing import Drawing, Measured, Shape
from inference.annotations.measurement_read import MeasurementReport, read_measurements
from inference.lesions.drawn_measurements import _axes_mm
from storage.core.findings import Code


def coded(code: Code) -> list[Dataset]:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme_designator
    item.CodeMeaning = code.meaning
    return [item]


def item(kind: str, name: Code | None = None, *content: Dataset) -> Dataset:
    found = Dataset()
    found.ValueType = kind
    if name is not None:
        found.ConceptNameCodeSequence = coded(name)
    found.ContentSequence = list(content)
    return found


LINE = (10.0, 10.0, 40.0, 10.0)


def axis(
    quantity: str,
    value: float,
    unit: Code,
    image: str,
    line_at: tuple[float, ...] = LINE,
) -> Dataset:
    reference, shown, line = Dataset(), item("IMAGE"), item("SCOORD")
    reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    reference.ReferencedSOPInstanceUID = image
    shown.ReferencedSOPSequence = [reference]
    line.GraphicType, line.GraphicData = "POLYLINE", list(line_at)
    line.ContentSequence = [shown]
    measured = Dataset()
    measured.NumericValue, measured.MeasurementUnitsCodeSequence = value, coded(unit)
    number = item("NUM", words.QUANTITIES[quantity], line)  # type: ignore[index]  # its names
    number.MeasuredValueSequence = [measured]
    return number


def drawn(*axes: Dataset, shape: Shape = "BIDIRECTIONAL") -> Drawing:
    (found,) = drawings_of(f"x:{words.TOOLS[shape]}", *axes)
    return found


def drawings_of(identifier: str, *content: Dataset) -> tuple[Drawing, ...]:
    return report_of(identifier, *content).drawings


def report_of(identifier: str, *content: Dataset) -> MeasurementReport:
    tool = item("TEXT", words.TRACKING_IDENTIFIER)
    tool.TextValue = identifier
    document = Dataset()
    document.SOPInstanceUID, document.SeriesInstanceUID = "2.25.1", "2.25.2"
    group = item("CONTAINER", words.GROUP, tool, *content)
    document.ContentSequence = [item("CONTAINER", words.MEASUREMENTS, group)]
    return read_measurements(document)


def test_a_place_in_the_patient_is_no_drawing_and_is_counted() -> None:
    in_space = axis("length", 30, MM, "2.25.3")
    for line in in_space.ContentSequence:
        line.ValueType, line.ReferencedFrameOfReferenceUID = "SCOORD3D", "2.25.9"
        line.GraphicData = [10.0, 10.0, 5.0, 40.0, 10.0, 5.0]
    document = Dataset()
    document.SOPInstanceUID, document.SeriesInstanceUID = "2.25.1", "2.25.2"
    groups = [item("CONTAINER", words.GROUP, in_space), item("CONTAINER", words.GROUP)]
    groups.append(item("CONTAINER", words.GROUP, axis("length", 12, MM, "2.25.3")))
    document.ContentSequence = [item("CONTAINER", words.MEASUREMENTS, *groups)]
    found = read_measurements(document)
    assert [one.measured[0].value for one in found.drawings] == [12.0]
    assert found.undrawn == 1


MM = Code("mm", "UCUM", "millimeter")


@pytest.mark.parametrize(
    ("unit", "shown"),
    [(MM, "mm"), (Code("mm", "99VENDOR", "inch"), "inch"), (Code("mm", "99VENDOR", ""), "?")],
)
def test_a_unit_of_another_scheme_is_what_its_writer_calls_it(unit: Code, shown: str) -> None:
    found = drawn(axis("long_axis", 1.5, unit, "2.25.3"), axis("short_axis", 1, unit, "2.25.3"))
    assert [one.unit for one in found.measured] == [shown, shown]
    assert found.shape == "BIDIRECTIONAL"


def test_axes_on_two_images_are_not_drawn_as_a_cross_on_one() -> None:
    found = drawn(axis("long_axis", 30, MM, "2.25.3"), axis("short_axis", 20, MM, "2.25.4"))
    assert (found.shape, found.sop_instance_uid, len(found.points)) == ("LENGTH", "2.25.3", 2)
    assert [one.value for one in found.measured] == [30, 20]


def test_a_number_of_another_image_is_no_value_of_the_drawing() -> None:
    beside = axis("length", 99.0, MM, "2.25.12")
    found = drawn(axis("length", 32.0, MM, "2.25.11"), beside, shape="LENGTH")
    assert found.sop_instance_uid == "2.25.11"
    assert [(one.quantity, one.value) for one in found.measured] == [("length", 32.0)]


def test_quantities_by_codes_of_snomed_rt_are_read() -> None:
    old = {value: name for name, value in mapping["SRT"].items()}
    for name, code in words.QUANTITIES.items():
        if code.scheme_designator != "SCT":
            continue
        number = axis(name, 32.0, MM, "2.25.11")
        number.ConceptNameCodeSequence = coded(Code(old[code.value], "SRT", code.meaning))
        assert [one.quantity for one in drawn(number).measured] == [name]


def test_axes_of_a_writer_that_names_no_tool_are_a_cross_the_long_one_first() -> None:
    short = axis("short_axis", 2, Code("cm", "UCUM", "cm"), "2.25.3", (20.0, 5.0, 20.0, 15.0))
    (found,) = drawings_of(
        "RECIST", short, axis("long_axis", 3, Code("cm", "UCUM", "cm"), "2.25.3")
    )
    assert found.shape == "BIDIRECTIONAL"
    assert found.points == ((10, 10), (40, 10), (20, 5), (20, 15))
    assert _axes_mm(found) == (30, 20)
    (line,) = drawings_of("RECIST", short)
    assert line.shape == "LENGTH"


def test_what_a_group_states_to_be_absent_is_not_drawn() -> None:
    presence = item("CODE", words.PRESENCE)
    presence.ConceptCodeSequence = coded(Code("2667000", "SCT", "Absent"))
    assert drawings_of("Nodule", presence, axis("length", 30, MM, "2.25.3")) == ()
    presence.ConceptCodeSequence = coded(Code("52101004", "SCT", "Present"))
    assert len(drawings_of("Nodule", presence, axis("length", 30, MM, "2.25.3"))) == 1


def test_separate_points_are_no_line_and_are_counted() -> None:
    """PS3.3 C.18.6.1.2."""
    landmarks = axis("length", 12.5, MM, "2.25.3", (10.0, 10.0, 50.0, 10.0, 50.0, 60.0))
    landmarks.ContentSequence[0].GraphicType = "MULTIPOINT"
    found = report_of("Landmarks", landmarks)
    assert (found.drawings, found.undrawn) == ((), 1)


def test_what_could_not_be_measured_has_no_length_of_its_points() -> None:
    failed = axis("length", 0, MM, "2.25.3")
    failed.MeasuredValueSequence = []
    failed.NumericValueQualifierCodeSequence = coded(Code("114006", "DCM", "Measurement failure"))
    found = report_of("Lesion", failed)
    assert (found.drawings, found.undrawn) == ((), 1)
    # A statistic that failed says nothing of the size.
    mean = item("NUM", words.QUANTITIES["mean"])
    mean.MeasuredValueSequence = []
    found = report_of("Lesion", axis("length", 30, MM, "2.25.3"), mean)
    assert [one.measured for one in found.drawings] == [(Measured("length", 30.0, "mm"),)]
    assert found.undrawn == 0
    found = report_of("Lesion", failed, mean_of(77.0, HU))
    assert (found.drawings, found.undrawn) == ((), 1)


HU = Code("[hnsf'U]", "UCUM", "Hounsfield unit")


def mean_of(value: float, unit: Code, concept: Code | None = None) -> Dataset:
    derivation = item("CODE", words.DERIVATION)
    derivation.ConceptCodeSequence = coded(words.QUANTITIES["mean"])
    number = item("NUM", concept or Code("112031", "DCM", "Attenuation Coefficient"), derivation)
    measured = Dataset()
    measured.NumericValue, measured.MeasurementUnitsCodeSequence = value, coded(unit)
    number.MeasuredValueSequence = [measured]
    return number


def test_a_mean_by_its_derivation_is_read_and_that_of_a_size_is_not() -> None:
    outline = axis("area", 157.0, Code("mm2", "UCUM", "mm2"), "2.25.3")
    volume = mean_of(12.0, Code("mm3", "UCUM", "mm3"), Code("118565006", "SCT", "Volume"))
    (found,) = report_of("Lesion", outline, mean_of(77.0, HU), volume).drawings
    assert found.measured == (Measured("area", 157.0, "mm2"), Measured("mean", 77.0, HU.value))
    longest = axis("length", 35.0, MM, "2.25.3")
    longest.ContentSequence.append(mean_of(0, MM).ContentSequence[0])
    (found,) = report_of("Lesion", longest).drawings
    assert found.measured == (Measured("length", 35.0, "mm"),)
