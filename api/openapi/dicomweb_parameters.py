"""The query parameters of DICOMweb, which its routes read by the standard's own grammar."""

from collections.abc import Iterable
from typing import Any

from api.dicomweb.query_names import NEGOTIATION, RENDERING, THUMBNAIL
from api.dicomweb.search.query_parameters import DEFAULT_LIMIT

_UID = {"type": "string", "pattern": r"^[0-9.]{1,64}$"}
_WORDS = {
    "accept": "Media types, before those of the Accept header (PS3.18 8.3.3.1).",
    "charset": "Of text, which is UTF-8 whatever is asked (8.3.3.2).",
    "annotation": "What is written into the picture: `patient`, `technique`, or both with a comma.",
    "iccprofile": "The colour profile of the picture.",
    "quality": "Of JPEG, from 1 to 100.",
    "viewport": "`width,height[,sx,sy,sw,sh]`: the box of the picture, and the part it shows.",
    "window": "`center,width[,function]` (8.3.5.1.4).",
    "limit": f"How many at most; {DEFAULT_LIMIT} without it.",
    "offset": "How many to skip.",
    "fuzzymatching": "Person names by the beginnings of their words.",
    "includefield": "Attributes to return by keyword, tag or path, or `all`. Attributes to match on"
    " are parameters of their own, by the same names.",
    "requestType": "Always `WADO`.",
    "studyUID": "Of the instance.",
    "seriesUID": "Of the instance.",
    "objectUID": "Of the instance.",
    "contentType": "The media type that is wanted.",
    "transferSyntax": "Of application/dicom: a UID, or `*` for as it is stored.",
    "frameNumber": "From 1.",
    "imageQuality": "Of JPEG, from 1 to 100.",
    "windowCenter": "With windowWidth.",
    "windowWidth": "With windowCenter.",
    "rows": "Of the picture at most.",
    "columns": "Of the picture at most.",
    "region": "`left,top,right,bottom`, each from 0 to 1.",
}
_COUNT, _ORDINAL = {"type": "integer", "minimum": 0}, {"type": "integer", "minimum": 1}
_NUMBER = {"type": "number"}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "iccprofile": {"type": "string", "enum": ["no", "yes", "srgb"], "default": "no"},
    "quality": {"type": "integer", "minimum": 1, "maximum": 100, "default": 90},
    "imageQuality": {"type": "integer", "minimum": 1, "maximum": 100, "default": 90},
    "limit": _COUNT,
    "offset": _COUNT,
    "fuzzymatching": {"type": "boolean"},
    "requestType": {"type": "string", "enum": ["WADO"]},
    **dict.fromkeys(("studyUID", "seriesUID", "objectUID"), _UID),
    **dict.fromkeys(("frameNumber", "rows", "columns"), _ORDINAL),
    **dict.fromkeys(("windowCenter", "windowWidth"), _NUMBER),
}
_REQUIRED = frozenset({"requestType", "studyUID", "seriesUID", "objectUID"})
_SEARCH = ("limit", "offset", "fuzzymatching", "includefield", *sorted(NEGOTIATION))
_URI = (
    *("requestType", "studyUID", "seriesUID", "objectUID", "contentType", "transferSyntax"),
    *("frameNumber", "rows", "columns", "region", "windowCenter", "windowWidth", "imageQuality"),
    *("annotation", "charset"),
)
_BY_LEAF: dict[str, Iterable[str]] = {
    "rendered": sorted(RENDERING),
    "thumbnail": sorted(THUMBNAIL),
    "wado": _URI,
    **dict.fromkeys(("studies", "series", "instances", "workitems"), _SEARCH),
}


def add_parameters(operation: dict[str, Any], path: str, method: str) -> None:
    """Describe what an operation below the prefix of DICOMweb takes in its query."""
    leaf = path.rpartition("/")[2]
    names = _BY_LEAF.get(leaf, sorted(NEGOTIATION)) if method == "get" else ()
    described = [
        {
            "name": name,
            "in": "query",
            "required": name in _REQUIRED,
            "description": _WORDS[name],
            "schema": _SCHEMAS.get(name, {"type": "string", "minLength": 1}),
        }
        for name in names
    ]
    if described:
        operation.setdefault("parameters", []).extend(described)
