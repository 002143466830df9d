"""PS3.15 Table E.1-1: what the profile and its options do with each attribute.

The Basic Profile's column is that of the 2026c edition, from `dicom-anonymizer`. The columns of
the options are those of the 2020b edition, from `dicom-standard`, which has them in full. An
attribute that is newer than those has the action of the Basic Profile alone, but for dates, times
and UIDs: the options treat all of these alike.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import distribution
from typing import Any, Literal

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.tag import BaseTag, Tag

from inference.deidentification.profile import Option, Profile

Action = Literal["D", "Z", "X", "U", "K", "C"]
"""Dummy value, empty, remove, replace the UID, keep, clean (PS3.15 Table E.1-1a)."""

EDITION = "2026c"
TIMES = frozenset({"DA", "DT", "TM"})

# Where the action depends on the type of the attribute in the object ("X unless Z or D is
# required"), the one that is valid for every type.
_BASIC: Mapping[str, Action] = {
    "D_TAGS": "D",
    "Z_TAGS": "Z",
    "X_TAGS": "X",
    "U_TAGS": "U",
    "Z_D_TAGS": "D",
    "X_Z_TAGS": "Z",
    "X_D_TAGS": "D",
    "X_Z_D_TAGS": "D",
    "X_Z_U_STAR_TAGS": "U",
}
_COLUMNS: Mapping[str, Option] = {
    "rtnUIDsOpt": Option.RETAIN_UIDS,
    "rtnDevIdOpt": Option.RETAIN_DEVICE,
    "rtnInstIdOpt": Option.RETAIN_INSTITUTION,
    "rtnPatCharsOpt": Option.RETAIN_PATIENT_CHARACTERISTICS,
    "rtnLongFullDatesOpt": Option.RETAIN_FULL_DATES,
    "rtnLongModifDatesOpt": Option.RETAIN_MODIFIED_DATES,
    "cleanDescOpt": Option.CLEAN_DESCRIPTORS,
    "cleanStructContOpt": Option.CLEAN_STRUCTURED_CONTENT,
    "cleanGraphOpt": Option.CLEAN_GRAPHICS,
}
# Dates of the patient, and of the place, that no option keeps.
_NEVER_KEPT = frozenset({Tag("PatientBirthDate"), Tag("PatientBirthTime"), Tag("GPSTimeStamp")})


@dataclass(frozen=True)
class Row:
    basic: Action
    options: Mapping[Option, Action] = field(default_factory=dict)

    @property
    def is_descriptor(self) -> bool:
        """A description of what was done, and not what identifies somebody."""
        return Option.CLEAN_DESCRIPTORS in self.options


def row_of(tag: BaseTag) -> Row | None:
    """None: the table does not name the attribute, which stays."""
    return profile_table().get(tag)


def action_for(tag: BaseTag, profile: Profile) -> Action | None:
    """What happens to an attribute; of several options, one that keeps comes first."""
    row = row_of(tag)
    if row is None:
        return None
    chosen = {action for option, action in row.options.items() if option in profile}
    return next((one for one in ("K", "C") if one in chosen), row.basic)


@cache
def profile_table() -> Mapping[BaseTag, Row]:
    """By tag, without repeating groups and private attributes, which the callers know."""
    columns = _option_columns()
    basic = import_module(f"dicomanonymizer.dicom_anonymization_databases.dicomfields_{EDITION}")
    table: dict[BaseTag, Row] = {}
    for category, action in _BASIC.items():
        for numbers in getattr(basic, category):
            if len(numbers) == 2:
                tag = Tag(numbers)
                table[tag] = Row(action, columns.get(tag) or _newer(tag, action))
    return table


def _newer(tag: BaseTag, basic: Action) -> dict[Option, Action]:
    if basic == "U":
        return {Option.RETAIN_UIDS: "K"}
    vr = dictionary_VR(tag) if dictionary_has_tag(tag) else ""
    if vr in TIMES and tag not in _NEVER_KEPT:
        return {Option.RETAIN_FULL_DATES: "K", Option.RETAIN_MODIFIED_DATES: "C"}
    return {}


def _option_columns() -> dict[BaseTag, dict[Option, Action]]:
    found: dict[BaseTag, dict[Option, Action]] = {}
    for row in _rows():
        number = row["id"]
        # Repeating groups and private attributes have letters that are no digits.
        if len(number) == 8 and all(one in "0123456789abcdef" for one in number.lower()):
            found[Tag(int(number, 16))] = {
                option: row[column]
                for column, option in _COLUMNS.items()
                if row.get(column) in ("K", "C")
            }
    return found


def _rows() -> list[dict[str, Any]]:
    for file in distribution("dicom-standard").files or ():
        if file.name == "confidentiality_profile_attributes.json":
            rows: list[dict[str, Any]] = json.loads(
                file.locate().read_text(encoding="utf-8")  # type: ignore[attr-defined]
            )
            return rows
    raise FileNotFoundError("The package dicom-standard lacks the table of PS3.15 annex E.")
