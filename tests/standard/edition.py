"""The edition of April 2020 as dicom-validator takes it, read for the SOP classes asked for."""

from functools import cache
from typing import Any

from dicom_validator.spec_reader.condition import ConditionType
from dicom_validator.validator.dicom_info import DicomInfo

from tests.standard import tables
from tests.standard.description import Description, condition, described

# What the wheel lost when it put macros into the tables that include them: the conditions of the
# includes of the Document Content Macro (PS3.3 Table C.17-5), by Value Type.
_BY_VALUE_TYPE = {
    "NUM": "numeric-measurement",
    "CODE": "code",
    "COMPOSITE": "composite-object-reference",
    "IMAGE": "image-reference",
    "WAVEFORM": "waveform-reference",
    "SCOORD": "spatial-coordinates",
    "SCOORD3D": "3d-spatial-coordinates",
    "TCOORD": "temporal-coordinates",
    "CONTAINER": "container",
}
_CONTENT_SEQUENCE = "(0040,A730)"
_FUNCTIONAL_GROUPS = ("(5200,9229)", "(5200,9230)")
# "M - May not be used as a Shared Functional Group" in the table of every IOD that has it; the
# wheel keeps what follows a C alone.
_PER_FRAME_ONLY = "frame-content"


@cache
def dicom_info(sop_class_uid: str) -> DicomInfo | None:
    """All that one SOP class consists of; None for a class that is younger than the edition."""
    iod = tables.iod_of(sop_class_uid)
    if iod is None:
        return None
    modules = tables.modules_of(iod)
    groups = tables.functional_groups_of(iod)
    descriptions = {_reference("module", row["moduleId"]): _module(row["moduleId"])
                    for row in modules}  # fmt: skip
    for row in groups:
        descriptions[_reference("macro", row["macroId"])] = _macro(row["macroId"])
    descriptions |= _content_macros()
    made = {
        "title": iod,
        "modules": {
            tables.names("module")[row["moduleId"]]: _used("module", row) for row in modules
        },
        "group_macros": {
            tables.names("macro")[row["macroId"]]: _used("macro", row) for row in groups
        },
    }
    return DicomInfo(tables.dictionary(), {sop_class_uid: made}, descriptions)


def _reference(kind: str, identifier: str) -> str:
    return f"{kind}:{identifier}"


def _used(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    identifier = row[f"{kind}Id"]
    made: dict[str, Any] = {"ref": _reference(kind, identifier), "use": row["usage"]}
    if row["conditionalStatement"]:
        made["cond"] = condition(row["conditionalStatement"].replace("\xa0", " "))
    elif identifier == _PER_FRAME_ONLY:
        made["cond"] = {"type": ConditionType.MandatoryPerFrame}
    return made


@cache
def _macro(identifier: str) -> Description:
    return described(tables.attributes("macro")[identifier])


@cache
def _module(identifier: str) -> Description:
    if identifier == "sr-document-content":
        return _including("document-content", "document-relationship")
    made = described(tables.attributes("module")[identifier])
    if identifier == "multi-frame-functional-groups":
        for tag in _FUNCTIONAL_GROUPS:
            made[tag]["items"] = {"include": [{"ref": "FuncGroup"}]}
    return made


@cache
def _content_macros() -> dict[str, Description]:
    """The tree of an SR document (PS3.3 C.17.3), whose relationships include themselves."""
    by_value_type = {name: _macro(name) for name in _BY_VALUE_TYPE.values()}
    included = {tag for macro in by_value_type.values() for tag in macro}
    content = {tag: one for tag, one in _macro("document-content").items() if tag not in included}
    content["include"] = [
        {"ref": _reference("macro", name), "cond": _if_value_type(value_type)}
        for value_type, name in _BY_VALUE_TYPE.items()
    ]
    relationship = dict(_macro("document-relationship"))
    of_items = relationship[_CONTENT_SEQUENCE]
    own = {
        tag: one
        for tag, one in of_items["items"].items()
        if tag not in content and tag not in included and tag not in relationship
    }
    nested = _including("document-content", "document-relationship")
    relationship[_CONTENT_SEQUENCE] = {**of_items, "items": {**own, **nested}}
    return {
        _reference("macro", "document-content"): content,
        _reference("macro", "document-relationship"): relationship,
        **{_reference("macro", name): one for name, one in by_value_type.items()},
    }


def _including(*names: str) -> Description:
    return {"include": [{"ref": _reference("macro", name)} for name in names]}


def _if_value_type(value_type: str) -> dict[str, Any]:
    demanded = condition(f"required if Value Type (0040,A040) is {value_type}.")
    return {**demanded, "type": ConditionType.MandatoryOrNotAllowed}
