"""The description of the API, made fit for generators.

FastAPI describes what routes take and answer. Added here: that every error is a problem,
names of operations that stay, and what the groups of operations are for.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.annotations.schemas import MaskEdit
from api.base_schemas import Problem
from api.fhir.resources import OperationOutcome
from api.idempotency import DESCRIPTION as IDEMPOTENCY_KEY
from api.idempotency import takes_key
from api.parameters import PROBLEM

_TAGS = {
    "studies": "Studies with their live state, their series, and what others announce of them.",
    "jobs": "Runs of pipelines: create, follow, move up, cancel, try again.",
    "findings": "What pipelines state, typed and coded, and what people say of it.",
    "alerts": "Critical findings, which wait for a person's acknowledgement.",
    "hl7": "Messages to HL7 v2 systems, and what became of them.",
    "reports": "Reports of studies, from draft to signed; sentences are bound to findings.",
    "deliveries": "Results on their way to destinations, until these prove to hold them.",
    "events": "What happens, as server-sent events that resume by number.",
    "uploads": "Bytes by presigned URL, at once or in parts.",
    "analyze": "From files to findings in one call.",
    "peers": "Who may call, and where results go.",
    "pipelines": "What runs here, and by which models.",
    "reading": "How people read: layouts, what they measure and mark.",
    "worklist": "What is scheduled for modalities.",
    "fhir": "What the node holds, as FHIR R4 resources.",
    "operation": "Health and measurements.",
}
_FHIR = "/fhir"
_OUTCOME = {"$ref": "#/components/schemas/OperationOutcome"}
_ANY_PROBLEM = {
    "description": "A problem: `code` for programs, `detail` and `remedy` for people.",
    "content": {"application/problem+json": {"schema": PROBLEM}},
}
_ANY_OUTCOME = {
    "description": "An OperationOutcome with the node's own code and remedy.",
    "content": {"application/fhir+json": {"schema": _OUTCOME}},
}
_DICOMWEB = "/dicom-web"
# PS3.18 Annex F: by tag, each with its VR.
_DATASET = {
    "type": "object",
    "description": "A data set in DICOM JSON (PS3.18 Annex F).",
    "additionalProperties": {"type": "object", "properties": {"vr": {"type": "string"}}},
}
_DATASETS = {"type": "array", "items": {"$ref": "#/components/schemas/DicomJson"}}
_NEGOTIATED = {"type": "string", "format": "binary", "description": "As Accept asks for it."}
_INVALID = {"description": "The request does not match the API description; `errors` lists where."}


def install_description(app: FastAPI) -> None:
    """Have `app.openapi()` answer the completed description, made once."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]  # as FastAPI's manual has it


def _describe(app: FastAPI) -> dict[str, Any]:
    description = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        license_info=app.license_info,
        routes=app.routes,
        separate_input_output_schemas=app.separate_input_output_schemas,
    )
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    # With members beside those that all have, such as `errors` and `decisions`.
    schemas["Problem"] = {**Problem.model_json_schema(), "additionalProperties": True}
    # Within a form, which no signature of a route states.
    edit = MaskEdit.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(edit.pop("$defs", {}))
    schemas["MaskEdit"] = edit
    outcome = OperationOutcome.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, schema in outcome.pop("$defs", {}).items():
        schemas.setdefault(name, schema)
    schemas["OperationOutcome"] = outcome
    schemas["DicomJson"] = _DATASET
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            if isinstance(operation, dict):
                if takes_key(path, method, operation):
                    operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
                _complete(operation, _ANY_OUTCOME if path.startswith(_FHIR) else _ANY_PROBLEM)
                if path.startswith(_DICOMWEB):
                    _negotiate(operation, path)
    used = {
        tag
        for operations in description["paths"].values()
        for operation in operations.values()
        if isinstance(operation, dict)
        for tag in operation.get("tags", ())
    }
    description["tags"] = [
        {"name": name, "description": text} for name, text in _TAGS.items() if name in used
    ]
    return description


def _complete(operation: dict[str, Any], problem: dict[str, Any]) -> None:
    responses = operation.setdefault("responses", {})
    if "HTTPValidationError" in str(responses.get("422", "")):
        responses["422"] = {**problem, **_INVALID}
    responses.setdefault("default", problem)


def _negotiate(operation: dict[str, Any], path: str) -> None:
    """DICOMweb's answers are negotiated by the standard, not by FastAPI, which knows no type."""
    leaf = path.rpartition("/")[2]
    for response in operation["responses"].values():
        content = response.get("content", {})
        if content.get("application/json", {}).get("schema") != {}:
            continue
        if path == _DICOMWEB:
            content["application/json"] = {"schema": {"type": "object"}}
            continue
        del content["application/json"]
        if leaf in ("studies", "series", "instances", "metadata", "workitems"):
            content["application/dicom+json"] = {"schema": _DATASETS}
        content["*/*"] = {"schema": _NEGOTIATED}
