"""What `retain-safe-private` leaves of private elements (PS3.15 E.3.10)."""

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset

from tests.builders import series
from tests.inference.deidentification.test_deidentifier import deidentified

GROUP, CREATOR = 0x0029, "OURS"

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR")


def original() -> Dataset:
    """An image that states that all of a private block is safe."""
    (ds,) = series(np.zeros((1, 4, 4), np.int16), modality="CT")
    stated = Dataset()
    stated.PrivateGroupReference, stated.PrivateCreatorReference = GROUP, CREATOR
    stated.BlockIdentifyingInformationStatus = "SAFE"
    ds.PrivateDataElementCharacteristicsSequence = [stated]
    return ds


def with_safe(vr: str, value: object) -> Dataset:
    ds = original()
    ds.private_block(GROUP, CREATOR, create=True).add_new(0x01, vr, value)
    return ds


def left_of(ds: Dataset, *options: str) -> object:
    """The value of the private element that leaves; None where it does not."""
    found = deidentified(ds, "retain-safe-private", *options)
    return value_in(found)


def value_in(found: FileDataset) -> object:
    try:
        block = found.private_block(GROUP, CREATOR)
    except KeyError:
        return None
    return block[0x01].value if 0x01 in block else None


@pytest.mark.parametrize(
    ("vr", "value"),
    [("DS", "2.5"), ("IS", "1000"), ("FD", [0.5, 1.5]), ("SL", -7), ("CS", "AXIAL")],
)
def test_numbers_and_known_codes_stay(vr: str, value: object) -> None:
    stated = deidentified(with_safe(vr, value), "retain-safe-private")
    assert str(value_in(stated)) == str(value)
    assert not [one for one in deidentified(with_safe(vr, value)) if one.tag.is_private]


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        ("PN", "Vorgaenger^Otto"),
        ("OB", b"Vorgaenger Otto "),
        ("UN", b"Vorgaenger Otto "),
        ("OW", b"Vorgaenger Otto "),
        ("CS", "VORGAENGER"),
        ("AE", "VORGAENGER"),
    ],
)
def test_persons_bytes_and_unknown_codes_do_not_stay_though_stated_as_safe(
    vr: str, value: object
) -> None:
    assert left_of(with_safe(vr, value)) in (None, "", "REMOVED")


@pytest.mark.parametrize("vr", ["LO", "LT", "UT"])
def test_texts_are_cleaned_though_stated_as_safe(vr: str) -> None:
    assert left_of(with_safe(vr, "axial head of Vorgaenger")) == "axial head of"


def test_dates_and_uids_go_as_those_of_other_attributes() -> None:
    assert not left_of(with_safe("DA", "20260102"))
    assert left_of(with_safe("DA", "20260102"), "retain-full-dates") == "20260102"
    moved = left_of(with_safe("DA", "20260102"), "retain-modified-dates")
    assert moved
    assert moved < "20260102"
    assert str(left_of(with_safe("UI", "1.2.826.0.1.3.4"))).startswith("2.25.")
    assert left_of(with_safe("UI", "1.2.826.0.1.3.4"), "retain-uids") == "1.2.826.0.1.3.4"


def test_items_of_safe_sequences_are_cleaned_as_the_levels_above() -> None:
    inner = Dataset()
    inner.PatientName, inner.ImageComments = "Vorgaenger^Otto", "of Otto Vorgaenger"
    inner.Rows = 512
    inner.private_block(0x0031, "INNER", create=True).add_new(0x01, "LO", "Vorgaenger")
    deep = Dataset()
    deep.OperatorsName = "Vorgaenger^Otto"
    again = inner.private_block(GROUP, CREATOR, create=True)
    again.add_new(0x01, "DS", "2.5")
    again.add_new(0x02, "SQ", [deep])
    (item,) = left_of(with_safe("SQ", [inner]))  # type: ignore[misc]
    assert "Vorgaenger" not in str(item)
    assert item.Rows == 512
    assert value_in(item) == 2.5


@pytest.mark.parametrize(
    ("number", "vr", "value"),
    [(0x0C, "LO", "Vorgaenger"), (0x0D, "CS", "VORGAENGER"), (0x0E, "PN", "Vorgaenger^Otto")],
)
def test_an_element_of_the_table_with_another_representation_does_not_stay(
    number: int, vr: str, value: str
) -> None:
    ds = original()
    block = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(number, vr, value)
    assert "orgaenger" not in str(deidentified(ds, "retain-safe-private")).casefold()


def test_codes_of_the_table_stay() -> None:
    ds = original()
    ds.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0D, "CS", "DIRECTIONAL")
    found = deidentified(ds, "retain-safe-private")
    assert found.private_block(0x0019, "SIEMENS MR HEADER")[0x0D].value == "DIRECTIONAL"


def test_an_attribute_kept_by_an_option_does_not_stay_with_another_representation() -> None:
    ds = original()
    ds.add_new(0x00101030, "LO", "Vorgaenger Otto")  # Patient's Weight
    found = deidentified(ds, "retain-patient-characteristics")
    assert "Vorgaenger" not in str(found)
