"""What these services can do: `OPTIONS` of every resource, and a document at the root (PS3.18 8.9).

JSON rather than WADL, which the standard allows and programs read.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from api.access.policy import READERS, policy
from api.audit_rules import CAPABILITIES, PUBLIC
from api.dicomweb.deps import StorageDep
from api.dicomweb.formats.negotiation import TARGET_SYNTAXES
from api.dicomweb.formats.responses import json_bytes
from api.dicomweb.lookups import PREFIX, service_url
from api.dicomweb.query_names import RENDERING, THUMBNAIL
from api.dicomweb.rendering.animation import HAS_VIDEO, MP4
from api.dicomweb.rendering.picture import PICTURES
from api.dicomweb.search.query_parameters import DEFAULT_LIMIT
from api.middleware.methods import with_head
from storage.index.matching.attributes import LEVELS, Kind, available_at

_LEVEL_NAMES = {"STUDY": "studies", "SERIES": "series", "IMAGE": "instances"}


@policy(READERS, "dicomweb:read", PUBLIC)
def get_capabilities(request: Request, storage: StorageDep) -> Response:
    """What the DICOMweb services of this node can do."""
    document = _document(service_url(request, storage.settings), request.app.openapi())
    headers = {"Allow": "GET, HEAD, OPTIONS", "Cache-Control": "no-store"}
    return Response(json_bytes(document), media_type="application/json", headers=headers)


def answer_options(router: APIRouter, parts: Iterable[APIRouter]) -> None:
    """Let the router, which has the prefix, answer `OPTIONS` of every resource of its parts."""
    methods: dict[str, set[str]] = {}
    for part in parts:
        for route in part.routes:
            if isinstance(route, APIRoute):
                path = route.path.removeprefix(router.prefix)
                methods.setdefault(path, {"OPTIONS"}).update(route.methods or ())
    for path, known in methods.items():
        router.add_api_route(path, _allowing(known), methods=["OPTIONS"], include_in_schema=False)


def _document(root_url: str, description: Mapping[str, Any]) -> dict[str, Any]:
    """`description` is the OpenAPI one, which knows every resource."""
    return {
        "service": "MediViewAI DICOMweb",
        "version": version("mediview"),
        "standard": "DICOM PS3.18",
        "root": root_url,
        "resources": [
            {"path": path, "methods": _methods(operations)}
            for path, operations in sorted(description["paths"].items())
            if path == PREFIX or path.startswith(f"{PREFIX}/")
        ],
        "search": {
            "media_types": [
                "application/dicom+json",
                'multipart/related; type="application/dicom+xml"',
            ],
            "parameters": ["limit", "offset", "fuzzymatching", "includefield", "accept"],
            "max_results": DEFAULT_LIMIT,
            "fuzzymatching": "person names, by the beginnings of their words",
            "attributes": {_LEVEL_NAMES[level]: _matched(level) for level in LEVELS[1:]},
        },
        "retrieve": {
            "media_types": {
                "instances": [
                    'multipart/related; type="application/dicom"',
                    "application/dicom",
                    "application/zip",
                ],
                "metadata": [
                    "application/dicom+json",
                    'multipart/related; type="application/dicom+xml"',
                ],
                "frames": ["application/octet-stream", "image/*", "video/*"],
                "rendered": [*PICTURES, *((MP4,) if HAS_VIDEO else ())],
            },
            "transfer_syntaxes": ["*", *TARGET_SYNTAXES],
            "rendered_parameters": sorted(RENDERING),
            "thumbnail_parameters": sorted(THUMBNAIL),
        },
        "store": {
            "media_types": [
                'multipart/related; type="application/dicom"',
                'multipart/related; type="application/dicom+json"',
                'multipart/related; type="application/dicom+xml"',
                "application/dicom",
            ],
            "sop_classes": "all",
            "transfer_syntaxes": "all, kept as they come",
        },
    }


def _allowing(methods: Iterable[str]) -> Callable[[], Awaitable[Response]]:
    allow = ", ".join(with_head(methods))

    @policy(READERS, "dicomweb:read", CAPABILITIES)
    async def options() -> Response:
        return Response(status_code=204, headers={"Allow": allow})

    return options


def _methods(operations: Mapping[str, Any]) -> dict[str, str]:
    """Each method of a resource, and what it does in a sentence."""
    return {
        method.upper(): str(one.get("description") or one.get("summary") or "").partition("\n")[0]
        for method, one in sorted(operations.items())
        if isinstance(one, dict) and "responses" in one
    }


def _matched(level: Any) -> list[str]:
    return sorted(
        attribute.keyword for attribute in available_at(level) if attribute.kind is not Kind.COUNT
    )
