"""The body of a resource that somebody sends."""

from fastapi import Request

from api.bodies import media_type_of
from api.errors import ApiProblem
from api.fhir.responses import FHIR_JSON

_JSON = frozenset({FHIR_JSON, "application/json"})


async def resource_body(request: Request) -> bytes:
    """Raises ApiProblem where it is of a media type that is not read here."""
    media_type = media_type_of(request.headers)
    if media_type not in _JSON:
        raise ApiProblem(
            415,
            "unsupported_media_type",
            "The body is not in a media type that is read here.",
            remedy=f"Send {FHIR_JSON}.",
        )
    return await request.body()
