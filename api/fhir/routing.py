"""Routes below /fhir: what they take in their query, and how OpenAPI describes it."""

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from api.deps import get_storage
from api.fhir.responses import FhirJson
from api.fhir.search.parameters import check_read
from api.request_rules.ignored_parameters import add_warning
from api.router_factory import new_router

# What a read takes beside what all take, by its path: `mode` gives the same statement in both words
# (hl7.org/fhir/R4/http.html#capabilities); there is none of terminology.
_READS: dict[str, dict[str, Sequence[str]]] = {"/fhir/metadata": {"mode": ("full", "normative")}}
_CONTROL = {
    "_count": "How many on a page, at most 200; 50 where it is left out.",
    "_offset": "How many to skip; the links of the bundle use it.",
    "_format": "JSON alone.",
    "_pretty": "true: with line breaks, to be read by people.",
    "_summary": "true, text, data, count or false.",
    "_total": "The exact number is always given.",
}
_READ_CONTROL = {
    "_format": _CONTROL["_format"],
    "_pretty": _CONTROL["_pretty"],
    "_summary": "true, text, data or false.",
}


class FhirRoute(APIRoute):
    """Ignores query parameters that a read does not take, and warns of them; a search, which would
    find more without them, refuses its own."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        own = _READS.get(self.path, {} if self.path.endswith("{resource_id}") else None)

        async def handle_known(request: Request) -> Response:
            if own is None:
                return await handle(request)
            ignored = check_read(request.query_params.multi_items(), own)
            response = await handle(request)
            if ignored:
                public_url = get_storage(request).settings.resolved_public_url
                add_warning(response, f"{public_url}/fhir", ignored)
            return response

        return handle_known


def fhir_router() -> APIRouter:
    """For all routes below /fhir."""
    return new_router(
        prefix="/fhir", tags=["fhir"], route_class=FhirRoute, default_response_class=FhirJson
    )


def searched_by(known: Iterable[str]) -> dict[str, Any]:
    """A search's parameters for OpenAPI: they are read by FHIR's grammar, not by FastAPI's."""
    return _described({**dict.fromkeys(known, "See the CapabilityStatement."), **_CONTROL})


def read_by(own: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A read's parameters for OpenAPI, with those of its own."""
    return _described({**_READ_CONTROL, **(own or {})})


def _described(names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": text,
                "schema": {"type": "string", "minLength": 1, "maxLength": 256},
            }
            for name, text in names.items()
        ]
    }
