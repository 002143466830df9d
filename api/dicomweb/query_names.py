"""Which query parameters a DICOMweb resource takes (PS3.18 8.3).

Any other is refused rather than ignored: a picture in another window than was asked for, because
its name was misspelt, looks like a right one.
"""

from collections.abc import Callable, Collection
from typing import Any, TypeVar

from fastapi import Request

from api.errors import ApiProblem
from api.unknown_names import suggestion

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

NEGOTIATION = frozenset({"accept", "charset"})
"""What every resource takes (PS3.18 8.3.3)."""
RENDERING = NEGOTIATION | {"annotation", "iccprofile", "quality", "viewport", "window"}
"""PS3.18 table 8.3.5-1."""
THUMBNAIL = RENDERING - {"annotation"}
"""Without what would write the patient into it (PS3.18 10.4.1.1.4)."""

_ATTRIBUTE = "query_names"
_OPEN: frozenset[str] | None = None
_SEVERAL = frozenset({"accept"})
_SHOWN_CHARACTERS = 60


def takes(names: frozenset[str]) -> Callable[[Endpoint], Endpoint]:
    """For the function of a route, below its `@router.…` lines; without it: `NEGOTIATION`."""
    return _put(names)


def reads_own_query(endpoint: Endpoint) -> Endpoint:
    """For the function of a route whose parameters are open, such as attributes to match on."""
    return _put(_OPEN)(endpoint)


def check_query(request: Request, endpoint: object) -> None:
    """Raises ApiProblem for a parameter that the function of a route does not take."""
    names: frozenset[str] | None = getattr(endpoint, _ATTRIBUTE, NEGOTIATION)
    if names is None:
        return
    for name in request.query_params:
        if name not in names:
            raise unknown_parameter(name, names)
        if name not in _SEVERAL and len(request.query_params.getlist(name)) > 1:
            raise ApiProblem(
                400,
                "repeated_parameter",
                f"The query parameter {name!r} is given more than once.",
                remedy="Give it once: it takes a single value.",
            )


def unknown_parameter(name: str, known: Collection[str]) -> ApiProblem:
    """The refusal of one, with the nearest of those that are known."""
    shown = name[:_SHOWN_CHARACTERS]
    return ApiProblem(
        400,
        "unknown_parameter",
        f"There is no query parameter {shown!r} here.",
        remedy=suggestion(shown, known),
    )


def _put(names: frozenset[str] | None) -> Callable[[Endpoint], Endpoint]:
    def put(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _ATTRIBUTE, names)
        return endpoint

    return put
