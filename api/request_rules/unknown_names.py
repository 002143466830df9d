"""Names that a request uses and the API does not know: refused, with the nearest known one.

A misspelt filter that is ignored answers another question than was asked.
"""

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from fastapi.routing import APIRoute
from pydantic import BaseModel


def suggestion(name: str, known: Collection[str]) -> str:
    """A sentence with the nearest known name, or with all of them; empty where there are none."""
    known_ones = f"Known are: {', '.join(sorted(known))}." if known else ""
    return nearest(name, known) or known_ones


def nearest(name: str, known: Collection[str]) -> str:
    """A sentence with the nearest known name; empty where none is near."""
    near = get_close_matches(name.lower(), known, n=1)
    return f"Did you mean '{near[0]}'?" if near else ""


def known_fields(route: object, location: Sequence[str | int]) -> list[str]:
    """The names that the body of a route may have where an unknown one was found.

    `location` is that of pydantic: `body`, then names and positions, the unknown one last.
    """
    if not isinstance(route, APIRoute) or route.body_field is None:
        return []
    model = _model_in(route.body_field.field_info.annotation)
    for part in location[1:-1]:
        field = model.model_fields.get(str(part)) if model else None
        # A position in a list, or the name of a union's member, leads no further.
        model = _model_in(field.annotation) if field else model
    return list(model.model_fields) if model else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a type is or has within it, as in `list[NewMeasurement] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
