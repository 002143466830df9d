"""What is wrong with a card, in words, with the known name that was probably meant."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from storage.core.errors import InvalidRequest
from storage.core.text.outside_text import text_from_outside

_NAMED, _CHARACTERS_OF_ONE = 5, 200
_NAME_AT_MOST = 100


class CardInvalid(InvalidRequest):
    """A JSON file of a model that is not in its form; `errors` are all mistakes in it."""

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        form: type[BaseModel] = BaseModel,
        errors: Sequence[ErrorDetails] = (),
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.form = form
        self.errors = errors


def card_invalid(path: Path, form: type[BaseModel], error: ValidationError) -> CardInvalid:
    """What pydantic found in that file."""
    return CardInvalid(
        f"{path} cannot be used: {mistakes_of(form, error)}.",
        remedy="Correct it, or get the model again.",
        form=form,
        errors=error.errors(include_url=False, include_context=False, include_input=False),
    )


def meant(name: str, known: Iterable[str]) -> str:
    """The known name that is nearest, as a question; empty where none is near."""
    near = get_close_matches(name[:_NAME_AT_MOST].lower(), list(known), n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""


def mistakes_of(form: type[BaseModel], error: ValidationError) -> str:
    """The first mistakes in a file of that form, and how many others there are."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    named = [text_from_outside(mistake_of(form, one), _CHARACTERS_OF_ONE) for one in found[:_NAMED]]
    return "; ".join(named) + and_others(len(found) - len(named))


def and_others(count: int) -> str:
    """The end of a list of mistakes of which that many are not named."""
    return f"; and {count} {'others' if count > 1 else 'other'}" if count > 0 else ""


def mistake_of(form: type[BaseModel], error: ErrorDetails) -> str:
    """One mistake that pydantic found in a file of that form: where, and what."""
    return f"{'.'.join(map(str, error['loc']))}: {mistake_text(form, error)}"


def mistake_text(form: type[BaseModel], error: ErrorDetails) -> str:
    """The same without the place."""
    place = error["loc"]
    if error["type"] == "extra_forbidden":
        return error["msg"] + meant(str(place[-1]), _fields_at(form, place[:-1]))
    return error["msg"]


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
