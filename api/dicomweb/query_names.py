"""Which query parameters a DICOMweb resource takes (PS3.18 8.3).

Any other is processed as if it were absent, as the standard has it, and a Warning of the answer
names it: a picture in another window than was asked for, because the name was misspelt, looks like
a right one.
"""

from collections.abc import Callable, Collection
from typing import Any, TypeVar

from fastapi import Request, Response

from api.dicomweb.lookups import service_url
from api.errors import ApiProblem
from api.request_rules.ignored_parameters import add_warning
from storage.settings import Settings

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


def takes(names: frozenset[str]) -> Callable[[Endpoint], Endpoint]:
    """For the function of a route, below its `@router.…` lines; without it: `NEGOTIATION`."""
    return _put(names)


def reads_own_query(endpoint: Endpoint) -> Endpoint:
    """For the function of a route whose parameters are open, such as attributes to match on."""
    return _put(_OPEN)(endpoint)


def check_query(request: Request, endpoint: object) -> None:
    """Notes what the function of a route does not take.

    Raises ApiProblem for what it takes and is given twice.
    """
    names: frozenset[str] | None = getattr(endpoint, _ATTRIBUTE, NEGOTIATION)
    if names is None:
        return
    for name in request.query_params:
        if name not in names:
            ignore(request, name, names)
        elif name not in _SEVERAL and len(request.query_params.getlist(name)) > 1:
            raise repeated_parameter(name)


def repeated_parameter(name: str) -> ApiProblem:
    """The refusal of a known one that is given twice."""
    return ApiProblem(
        400,
        "repeated_parameter",
        f"The query parameter {name!r} is given more than once.",
        remedy="Give it once: it takes a single value.",
    )


def ignore(request: Request, name: str, known: Collection[str]) -> None:
    """Note a parameter that is none of the known ones, for `warn_of_ignored`."""
    noted = _noted(request)
    noted[name] = known
    request.state.ignored_parameters = noted


def warn_of_ignored(request: Request, settings: Settings, response: Response) -> None:
    """Name in a Warning what was ignored for this answer."""
    noted = _noted(request)
    if noted:
        add_warning(response, service_url(request, settings), noted)


def _noted(request: Request) -> dict[str, Collection[str]]:
    noted: dict[str, Collection[str]] = getattr(request.state, "ignored_parameters", {})
    return noted


def _put(names: frozenset[str] | None) -> Callable[[Endpoint], Endpoint]:
    def put(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _ATTRIBUTE, names)
        return endpoint

    return put
