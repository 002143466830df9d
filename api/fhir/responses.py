"""Resources as HTTP answers: media type, ETag and Last-Modified, search bundles with links."""

import hashlib
import json
import re
from collections.abc import Sequence
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from starlette.responses import JSONResponse, Response

from api.errors import ApiProblem
from api.fhir.search.parameters import SearchParameters
from api.fhir.search.summary import summarised
from inference.fhir.r5 import FhirVersion
from inference.fhir.resources import Resource

FHIR_JSON = "application/fhir+json"
FHIR_VERSION = "4.0.1"
_VERSIONS: dict[FhirVersion, str] = {"R4": FHIR_VERSION, "R5": "5.0.0"}
# hl7.org/fhir/R4/http.html#version-parameter
_ASKED_VERSION = re.compile(r"""fhirVersion\s*=\s*"?([0-9]+(?:\.[0-9]+)*)""", re.IGNORECASE)


class FhirJson(JSONResponse):
    """What is encoded already; a JSONResponse, so that OpenAPI tells the resource's schema."""

    media_type = FHIR_JSON

    def render(self, content: bytes) -> bytes:
        return content


def asked_version(request: Request) -> FhirVersion:
    """The version of FHIR that the client asks for; R4 where it names none. Raises ApiProblem."""
    wanted = request.query_params.get("_format") or request.headers.get("accept", "")
    found = _ASKED_VERSION.search(wanted)
    return "R5" if found and f"{_VERSIONS['R5']}.".startswith(f"{found[1]}.") else "R4"


def media_type_of(version: FhirVersion) -> str:
    """That of R4 names no version, as most clients of R4 do not."""
    return FHIR_JSON if version == "R4" else f"{FHIR_JSON}; fhirVersion=5.0"


def answer(request: Request, resource: Resource, version: FhirVersion = "R4") -> Response:
    """One resource; 304 where the client has this version of it."""
    _check_accepted(request, version)
    summary = request.query_params.get("_summary", "")
    content = _encoded(request, summarised(resource.to_json(), summary))
    stated = resource.meta.version_id if resource.meta else hashlib.sha256(content).hexdigest()[:16]
    headers = {"ETag": f'W/"{stated}"'}
    if resource.meta:
        headers["Last-Modified"] = format_datetime(resource.meta.last_updated, usegmt=True)
    asked = request.headers.get("if-none-match", "")
    if any(one.strip() in ("*", headers["ETag"]) for one in asked.split(",")):
        return Response(status_code=304, headers=headers)
    return FhirJson(content, headers=headers, media_type=media_type_of(version))


def bundle(
    request: Request,
    base: str,
    found: Sequence[Resource],
    total: int,
    asked: SearchParameters,
    included: Sequence[Resource] = (),
    version: FhirVersion = "R4",
) -> Response:
    """One page of what a search found; `_count` 0 asks for the number alone.

    `included` are resources that the page refers to (`_include`); `total` counts none of them.
    """
    _check_accepted(request, version)
    entries = [
        {
            "fullUrl": f"{base}/{one.resource_type}/{one.id}",
            "resource": summarised(one.to_json(), asked.summary),
            "search": {"mode": mode},
        }
        for mode, resources in (("match", found), ("include", included))
        for one in resources
    ]
    content: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": total,
        "link": _links(request, base, total, asked),
    }
    if entries:
        content["entry"] = entries
    return FhirJson(_encoded(request, content), media_type=media_type_of(version))


def _links(
    request: Request, base: str, total: int, asked: SearchParameters
) -> list[dict[str, str]]:
    path = request.url.path.removeprefix("/fhir/")
    kept = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in ("_offset", "_count")
    ]

    def link(relation: str, offset: int) -> dict[str, str]:
        query = urlencode([*kept, ("_count", asked.count), ("_offset", offset)])
        return {"relation": relation, "url": f"{base}/{path}?{query}"}

    links = [link("self", asked.offset)]
    if asked.count:
        links.append(link("first", 0))
        if asked.offset > 0:
            links.append(link("previous", max(0, asked.offset - asked.count)))
        if asked.offset + asked.count < total:
            links.append(link("next", asked.offset + asked.count))
    return links


def _check_accepted(request: Request, version: FhirVersion) -> None:
    wanted = request.query_params.get("_format") or request.headers.get("accept", "")
    asked = _ASKED_VERSION.search(wanted)
    if asked and not f"{_VERSIONS[version]}.".startswith(f"{asked[1]}."):
        raise ApiProblem(
            406,
            "not_acceptable",
            f"FHIR {asked[1]} is not answered.",
            remedy=f"Ask for fhirVersion={_VERSIONS[version].rpartition('.')[0]}.",
            extra={"issue": "not-supported"},
        )
    if not wanted or "json" in wanted or "*/*" in wanted or "application/*" in wanted:
        return
    raise ApiProblem(
        406,
        "not_acceptable",
        "Resources are answered as JSON alone.",
        remedy=f"Accept {FHIR_JSON}.",
        extra={"issue": "not-supported"},
    )


def _encoded(request: Request, content: Any) -> bytes:
    if request.query_params.get("_pretty") == "true":
        return json.dumps(content, ensure_ascii=False, indent=2).encode()
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
