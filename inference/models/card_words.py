"""What is wrong with a card, in words, with the known name that was probably meant."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails


def meant(name: str, known: Iterable[str]) -> str:
    """The known name that is nearest, as a question; empty where none is near."""
    near = get_close_matches(name.lower(), list(known), n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""


def mistake_of(form: type[BaseModel], error: ErrorDetails) -> str:
    """One mistake that pydantic found in a file of that form: where, and what."""
    place = error["loc"]
    text = f"{'.'.join(map(str, place))}: {error['msg']}"
    if error["type"] == "extra_forbidden":
        text += meant(str(place[-1]), _fields_at(form, place[:-1]))
    return text


def _fields_at(form: type[BaseModel], place: Sequence[str | int]) -> Iterable[str]:
    model: type[BaseModel] | None = form
    for part in place:
        field = model.model_fields.get(str(part)) if model is not None else None
        # The name of an entry, or its position, leads no further.
        model = _model_in(field.annotation) if field is not None else model
    return model.model_fields if model is not None else ()


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a type is or has within it, as in `dict[str, CardInput]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
