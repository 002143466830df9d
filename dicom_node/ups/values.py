"""Values of a workitem that do not fit: which attribute it is, and what it takes."""

from typing import Any

from pydicom.datadict import keyword_for_tag

from dicom_node.ups.datasets import strict_dataset
from storage.core.errors import InvalidRequest

# PS3.5 Table 6.2-1.
_EXPECTED = {
    "AE": "an AE title of at most 16 characters",
    "AS": "an age such as 045Y",
    "AT": "a tag of eight hexadecimal digits",
    "CS": "a code of at most 16 capital letters, digits, blanks and underscores",
    "DA": "a date as YYYYMMDD",
    "DS": "a decimal number of at most 16 characters",
    "DT": "a date and time such as 20240131083000",
    "FD": "a number",
    "FL": "a number",
    "IS": "a whole number of at most 12 characters",
    "LO": "text of at most 64 characters",
    "LT": "text of at most 10240 characters",
    "PN": "a name: an object of Alphabetic, Ideographic and Phonetic, each at most 64 characters",
    "SH": "text of at most 16 characters",
    "SL": "a whole number of 32 bits",
    "SS": "a whole number of 16 bits",
    "ST": "text of at most 1024 characters",
    "SV": "a whole number of 64 bits",
    "TM": "a time as HHMMSS",
    "UI": "a UID: numbers with full stops between them, at most 64 characters",
    "UL": "a whole number from 0, of 32 bits",
    "US": "a whole number from 0, of 16 bits",
    "UV": "a whole number from 0, of 64 bits",
}
# Codes, numbers and times of the step itself say nothing of the patient.
_SHOWN_GROUPS = ("0040", "0074")
_SHOWN_VRS = frozenset("CS DS DT IS SL SS UL US FD FL".split())


def place_of(tag: str) -> str:
    """`00741204` → `ProcedureStepLabel (0074,1204)`."""
    return f"{keyword_for_tag(int(tag, 16))} ({tag[:4]},{tag[4:]})".strip()


def expected(vr: str) -> str:
    """What such an element takes, to follow `Give`."""
    return _EXPECTED.get(vr, f"a value of {vr} (PS3.5 6.2)")


def printable(text: str) -> str:
    """Of what a client wrote, as much as a message repeats."""
    return "".join(character for character in text if character.isprintable())[:40]


def check_value(tag: str, vr: str, values: list[Any], place: str) -> None:
    """Have pydicom read it: what it cannot read, nobody could match or send on.

    Raises InvalidRequest, which repeats no value that may be about the patient.
    """
    try:
        strict_dataset({tag: {"vr": vr, "Value": values}})
    except Exception as error:  # of whatever kind: each VR's reading raises its own
        shown = ""
        if tag[:4] in _SHOWN_GROUPS and vr in _SHOWN_VRS:
            shown = f" '{printable(str(values[0]))}'" if len(values) == 1 else ""
        raise InvalidRequest(
            f"The value{shown} of {place} is not of its value representation, {vr}.",
            remedy=f"Give {expected(vr)}.",
        ) from error
