"""The description put together.

FastAPI describes what routes take and answer. Added here: that every error is a problem, who may
ask, media types and headers, webhooks, and what the groups of operations are for.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.access.rule_index import Rule, RuleIndex
from api.annotations.schemas import MaskEdit
from api.base_schemas import Problem
from api.fhir.resources import OperationOutcome
from api.idempotency.keys import DESCRIPTION as IDEMPOTENCY_KEY
from api.idempotency.keys import takes_key
from api.openapi import dicomweb
from api.openapi.dicomweb_parameters import add_parameters
from api.openapi.headers import LIMITS, add_headers
from api.openapi.security import secure, security_schemes
from api.openapi.tags import tags
from api.openapi.webhooks import notice_schemas, webhooks
from api.parameters import PROBLEM
from api.segmentations.schemas import NewSegmentation
from api.versioned import versioned

_FHIR = "/fhir/"
_OUTCOME = {"$ref": "#/components/schemas/OperationOutcome"}
_ANY_PROBLEM = {
    "description": "A problem: `code` for programs, `detail` and `remedy` for people.",
    "content": {"application/problem+json": {"schema": PROBLEM}},
}
_ANY_OUTCOME = {
    "description": "An OperationOutcome with the node's own code and remedy.",
    "content": {"application/fhir+json": {"schema": _OUTCOME}},
}
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
    for model in (MaskEdit, NewSegmentation):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    outcome = OperationOutcome.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, schema in outcome.pop("$defs", {}).items():
        schemas.setdefault(name, schema)
    schemas["OperationOutcome"] = outcome
    schemas["DicomJson"] = dicomweb.DATASET
    schemas.update(notice_schemas())
    rules = _rules_by_template(app.state.rules)
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            if isinstance(operation, dict):
                if takes_key(path, method, operation):
                    operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
                problem = _ANY_OUTCOME if path.startswith(_FHIR) else _ANY_PROBLEM
                if path.startswith(_FHIR):
                    _as_outcomes(operation)
                _complete(operation, problem, "400" if path.startswith(dicomweb.PREFIX) else "422")
                rule = rules.get((method.upper(), path))
                if rule is not None:
                    secure(operation, rule, problem)
                if path.startswith(dicomweb.PREFIX):
                    dicomweb.add_media_types(operation, path, method)
                    add_parameters(operation, path, method)
                add_headers(operation, is_list=method == "get" and _is_list(operation, schemas))
    description["paths"] = {versioned(path): one for path, one in description["paths"].items()}
    description["components"]["securitySchemes"] = security_schemes(app.state.settings)
    description["components"]["headers"] = LIMITS
    description["servers"] = [{"url": "/", "description": "The node that serves this description."}]
    description["tags"] = tags()
    description["webhooks"] = webhooks()
    return description


def _rules_by_template(index: RuleIndex) -> dict[tuple[str, str], Rule]:
    """By method and path as the description writes it, without converters of parameters."""
    return {(rule.method, rule.path.replace(":path}", "}")): rule for rule in index.rules}


def _is_list(operation: dict[str, Any], schemas: dict[str, Any]) -> bool:
    """Whether it answers `items`: as `api.middleware.unchanged` finds lists."""
    content = operation["responses"].get("200", {}).get("content", {})
    named = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    return "items" in schemas.get(named.rpartition("/")[2], {}).get("properties", {})


def _as_outcomes(operation: dict[str, Any]) -> None:
    """What a route states of its problems, as `api.fhir.outcomes` sends them."""
    for answer in operation.get("responses", {}).values():
        if "application/problem+json" in answer.get("content", {}):
            answer["content"] = _ANY_OUTCOME["content"]


def _complete(operation: dict[str, Any], problem: dict[str, Any], invalid: str) -> None:
    """`invalid`: the status of a request that is not as described."""
    responses = operation.setdefault("responses", {})
    if "HTTPValidationError" in str(responses.get("422", "")):
        del responses["422"]
        responses[invalid] = {**problem, **_INVALID}
    responses.setdefault("default", problem)
