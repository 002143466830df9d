"""DICOMweb's answers are negotiated by the standard, not by FastAPI, which knows no type."""

from typing import Any

from api.openapi.headers import ETAG

PREFIX = "/dicom-web"
# PS3.18 Annex F: by tag, each with its VR.
DATASET = {
    "type": "object",
    "description": "A data set in DICOM JSON (PS3.18 Annex F).",
    "additionalProperties": {"type": "object", "properties": {"vr": {"type": "string"}}},
}
_DATASETS = {"type": "array", "items": {"$ref": "#/components/schemas/DicomJson"}}
_NEGOTIATED = {"type": "string", "format": "binary", "description": "As Accept asks for it."}
_JSON = "application/dicom+json"
_INSTANCES = ("multipart/related", "application/dicom")
_IMAGES = ("image/jpeg", "image/png", "image/gif")
_RENDERED = (*_IMAGES, "video/mp4", "application/pdf", "text/html", "text/plain", "text/xml",
             "model/*")  # fmt: skip
_BY_LEAF = {
    "studies": (_JSON, "multipart/related"),
    "series": (_JSON, "multipart/related"),
    "instances": (_JSON, "multipart/related"),
    "metadata": (_JSON, "multipart/related"),
    "{study_instance_uid}": (*_INSTANCES, "application/zip"),
    "{series_instance_uid}": _INSTANCES,
    "{sop_instance_uid}": _INSTANCES,
    "{frame_list}": ("multipart/related", "application/octet-stream", "image/*", "video/*"),
    "{element_path}": ("multipart/related", "application/octet-stream"),
    "bulkdata": ("multipart/related", "application/octet-stream"),
    "pixeldata": ("multipart/related", "application/octet-stream"),
    "rendered": _RENDERED,
    "thumbnail": _IMAGES,
    "wado": ("application/dicom", *_RENDERED),
}
_SEARCHED = ("studies", "series", "instances")
_DATASETS_ONLY = (_JSON, "application/dicom+xml", "multipart/related")


def add_media_types(operation: dict[str, Any], path: str, method: str) -> None:
    """Name the media types of an operation below the prefix of DICOMweb."""
    leaf = path.rpartition("/")[2]
    types = _BY_LEAF.get(leaf, _DATASETS_ONLY) if method == "get" else _DATASETS_ONLY
    if method == "get" and leaf in _BY_LEAF and leaf not in _SEARCHED:
        operation["responses"]["200"]["headers"] = ETAG
    for response in operation["responses"].values():
        content = response.get("content", {})
        if content.get("application/json", {}).get("schema") != {}:
            continue
        if path == PREFIX:
            content["application/json"] = {"schema": {"type": "object"}}
            continue
        del content["application/json"]
        for type_ in types:
            content[type_] = {"schema": _DATASETS if type_ == _JSON else _NEGOTIATED}
