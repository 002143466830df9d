"""Headers of answers that programs need."""

from typing import Any


def _header(name: str, description: str) -> dict[str, Any]:
    return {name: {"description": description, "schema": {"type": "string"}}}


RETRY_AFTER = _header("Retry-After", "Seconds until the next attempt.")
_LINK = _header("Link", "The first, previous, next and last page (RFC 8288).")
LIMITS = {
    **_header("RateLimit", "What is left for whom asks: `r` requests; the full quota in `t` s."),
    **_header("RateLimit-Policy", "How many requests (`q`) may come at once, or in `w` seconds."),
}
_LIMIT_REFERENCES = {name: {"$ref": f"#/components/headers/{name}"} for name in LIMITS}
_LOCATION = _header("Location", "Where it is.")
_CONTENT_LOCATION = _header("Content-Location", "Where it is.")
ETAG = _header("ETag", "The version, for If-Match and If-None-Match.")

_BY_OPERATION = {
    ("add_webhook", "201"): _LOCATION,
    ("add_worklist_item", "201"): _LOCATION,
    ("begin_upload", "201"): _LOCATION,
    ("create_job", "201"): _LOCATION,
    ("create_workitem", "201"): _LOCATION,
    ("subscribe_to_workitem", "201"): _CONTENT_LOCATION,
    ("ask_about_image", "202"): _LOCATION,
    ("ask_about_document", "202"): _LOCATION,
    ("put_part", "200"): _header("ETag", "The MD5 of the part."),
    ("draft_report", "200"): ETAG,
    ("get_report", "200"): ETAG,
    ("edit_report", "200"): ETAG,
    ("move_report", "200"): ETAG,
    ("dismiss_proposal", "200"): ETAG,
    ("read_imaging_study", "200"): ETAG,
    ("read_diagnostic_report", "200"): ETAG,
    ("read_observation", "200"): ETAG,
    ("read_audit_event", "200"): ETAG,
    ("read_capabilities", "200"): ETAG,
    ("read_device", "200"): ETAG,
}


def add_headers(operation: dict[str, Any], *, is_list: bool) -> None:
    """Describe the headers of an operation's answers."""
    name, responses = operation["operationId"], operation["responses"]
    for status, response in responses.items():
        found = _BY_OPERATION.get((name, status))
        if found:
            response["headers"] = found
    if is_list:
        responses["200"]["headers"] = ETAG
    asked = {one["name"] for one in operation.get("parameters", ())}
    if {"limit", "offset"} <= asked:
        responses["200"]["headers"] = {**responses["200"].get("headers", {}), **_LINK}
    if "503" in responses:
        responses["503"]["headers"] = RETRY_AFTER
    if "429" in responses:
        responses["429"]["headers"] = {**RETRY_AFTER, **_LIMIT_REFERENCES}
        for status, response in responses.items():
            if status.startswith("2"):
                response["headers"] = {**response.get("headers", {}), **_LIMIT_REFERENCES}
