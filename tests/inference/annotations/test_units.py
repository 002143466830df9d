"""The units of measured values against the code tables of another library."""

from pydicom.sr.codedict import codes

from inference.annotations.codes import UNITS


def test_all_units_that_pet_values_may_have_are_named_as_in_the_standard() -> None:
    named = {code.value: code.meaning for code in map(codes.cid84.__getattr__, codes.cid84.dir())}
    # Longer than a Code Value may be (PS3.5 6.2), these are measured as g/ml.
    # For cm2 the tables have two meanings: it is "square centimeter" in CID 7461.
    short = {
        value: meaning for value, meaning in named.items() if len(value) <= 16 and value != "cm2"
    }
    assert len(short) >= 15
    assert {value: UNITS.get(value, "").lower() for value in short} == {
        value: meaning.lower() for value, meaning in short.items()
    }
