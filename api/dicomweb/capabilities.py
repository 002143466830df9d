"""What these services can do: `OPTIONS` of every resource, and a document at the root (PS3.18 8.9).

JSON rather than WADL, which the standard allows and programs read.
"""

from collections.abc import Awaitable, Callable, Iterable
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from api.dicomweb.deps import StorageDep
from api.dicomweb.lookups import PREFIX, service_url
from api.dicomweb.negotiation import TARGET_SYNTAXES
from api.dicomweb.query_parameters import DEFAULT_LIMIT
from api.dicomweb.responses import json_bytes
from storage.attributes import LEVELS, Kind, available_at

_READ_METHODS = ("GET", "OPTIONS")
_LEVEL_NAMES = {"STUDY": "studies", "SERIES": "series", "IMAGE": "instances"}


class Resources:
    """The resources of some routers, each with the methods that it knows."""

    def __init__(self, parts: Iterable[APIRouter]) -> None:
        self._methods: dict[str, set[str]] = {}
        self._summaries: dict[tuple[str, str], str] = {}
        for part in parts:
            for route in part.routes:
                if isinstance(route, APIRoute):
                    for method in route.methods or ():
                        self._methods.setdefault(route.path, {"OPTIONS"}).add(method)
                        self._summaries[route.path, method] = _sentence(route)

    def describe_in(self, router: APIRouter) -> None:
        """Let the router, which has the prefix, answer `OPTIONS` of each and of the whole."""
        for path, methods in self._methods.items():
            router.add_api_route(
                path, _allowing(methods), methods=["OPTIONS"], include_in_schema=False
            )

        def capabilities(request: Request, storage: StorageDep) -> Response:
            """What the DICOMweb services of this node can do."""
            document = self._document(service_url(request, storage))
            headers = {"Allow": ", ".join(_READ_METHODS), "Cache-Control": "private, no-cache"}
            return Response(json_bytes(document), media_type="application/json", headers=headers)

        router.add_api_route("", capabilities, methods=["GET"], summary="Capabilities")
        router.add_api_route("", capabilities, methods=["OPTIONS"], include_in_schema=False)
        for method in _READ_METHODS:
            router.add_api_route("/", capabilities, methods=[method], include_in_schema=False)

    def _document(self, root_url: str) -> dict[str, Any]:
        return {
            "service": "MediViewAI DICOMweb",
            "version": version("mediview"),
            "standard": "DICOM PS3.18",
            "root": root_url,
            "resources": [
                {
                    "path": f"{PREFIX}{path}",
                    "methods": {
                        method: self._summaries.get((path, method), "")
                        for method in sorted(methods)
                    },
                }
                for path, methods in sorted(self._methods.items())
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
                    "rendered": ["image/jpeg", "image/png", "image/gif", "video/mp4"],
                },
                "transfer_syntaxes": ["*", *TARGET_SYNTAXES],
                "rendered_parameters": [
                    "window",
                    "viewport",
                    "quality",
                    "annotation",
                    "iccprofile",
                ],
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
    allow = ", ".join(sorted(methods))

    async def options() -> Response:
        return Response(status_code=204, headers={"Allow": allow})

    return options


def _sentence(route: APIRoute) -> str:
    return (route.description or route.summary or route.name).partition("\n")[0]


def _matched(level: Any) -> list[str]:
    return sorted(
        attribute.keyword for attribute in available_at(level) if attribute.kind is not Kind.COUNT
    )
