"""Modules and macros as dicom-validator describes them: type, condition, values, nested items."""

from functools import cache
from typing import Any

from dicom_validator.spec_reader.condition import Condition, ConditionType
from dicom_validator.spec_reader.condition_parser import ConditionParser
from dicom_validator.spec_reader.enum_parser import EnumParser

from tests.standard import docbook, tables
from tests.standard.sentences import readable
from tests.standard.tables import Attribute

Description = dict[str, Any]


def condition(text: str) -> dict[str, Any]:
    """What a sentence such as "Required if ..." demands, in the serialized form."""
    parsed: Condition = _conditions().parse(readable(text))
    return parsed.result_dict()


def described(rows: list[Attribute]) -> Description:
    """Nest the rows of one table; a row that comes again replaces the one before."""
    by_path: dict[str, Description] = {}
    top: Description = {}
    for row in rows:
        parent = by_path.get(row.path.rpartition(":")[0])
        place = top if parent is None else parent.setdefault("items", {})
        place[row.tag] = by_path[row.path] = _attribute(row)
    return top


def _attribute(row: Attribute) -> Description:
    cell = docbook.cell(row)
    made: Description = {
        "name": tables.dictionary().get(row.tag, {}).get("name", ""),
        "type": row.type,
    }
    # As in dicom-validator's part 3 reader: an attribute of type 3 may be forbidden.
    if row.type in ("1C", "2C", "3"):
        found = condition(docbook.text_of(cell))
        if found["type"] != ConditionType.UserDefined:
            made["cond"] = found
    values = _values(row.tag, cell)
    if values:
        made["enums"] = values
    return made


def _values(tag: str, cell: Any) -> list[dict[str, Any]]:
    known = tables.dictionary().get(tag)
    found = []
    for values in _enumerations().parse(cell, known["vr"]) if known else ():
        if values.get("tag", tag) == tag:
            made = {key: value for key, value in values.items() if key != "tag"}
            if "cond" in made:
                made["cond"] = made["cond"].result_dict()
            found.append(made)
    return found


@cache
def _conditions() -> ConditionParser:
    return ConditionParser(tables.dictionary())


@cache
def _enumerations() -> EnumParser:
    return EnumParser(docbook.section, _conditions())
