"""The body of a resource that somebody sends."""

from typing import Any, Protocol, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from api.bodies import media_type_of
from api.errors import ApiProblem
from api.fhir.responses import FHIR_JSON
from storage.core.untrusted_input.bounded_json import load_bounded_json

T = TypeVar("T", bound=BaseModel)
_MOST_NAMED = 10
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


class Refusal(Protocol):
    def __call__(self, place: str, what: str, /) -> ApiProblem: ...


def decoded_resource(
    body: bytes, kind: str, most_elements: int, refusal: Refusal
) -> dict[str, Any]:
    """A resource of that type, of so many elements at most. Raises `refusal`, LimitExceeded."""
    try:
        decoded = load_bounded_json(body, most_elements, strict=True)
    except ValueError as error:
        raise refusal("The body", "is not JSON") from error
    if not isinstance(decoded, dict) or decoded.get("resourceType") != kind:
        raise refusal("The body", f"is not a {kind}")
    return decoded


def checked_resource(model: type[T], decoded: dict[str, Any], version: str, refusal: Refusal) -> T:
    """As `fhir.resources` reads it. Raises `refusal`, which names places and no values."""
    kind = str(decoded["resourceType"])
    try:
        return model.model_validate(decoded)
    except ValidationError as error:
        places = dict.fromkeys(
            ".".join([kind, *map(str, one["loc"])])[:80]
            for one in error.errors(include_input=False, include_url=False, include_context=False)
        )
        named = ", ".join(list(places)[:_MOST_NAMED])
        raise refusal(named, f"is not as FHIR {version} has it") from error
    # What the library raises of values that it does not expect: LookupError of a contained resource
    # of a type that there is none of.
    except (TypeError, ValueError, RecursionError, AttributeError, LookupError) as error:
        raise refusal(kind, f"is not as FHIR {version} has it") from error
