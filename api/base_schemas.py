"""What requests and answers are built from: their bases, a refusal, a page, a result, a code.

Keys are DICOM keywords in snake case; times are ISO 8601 in UTC; values of the data set are text
as they stand in it unless a description says otherwise.
"""

from collections.abc import Collection, Iterable
from itertools import islice, starmap
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticKnownError

from storage.core.findings import Code

_MOST_UNKNOWN = 100
"""As many wrong places as a problem names."""


class Payload(BaseModel):
    """Base of what the API answers."""

    model_config = ConfigDict(frozen=True)


class FewMistakes(BaseModel):
    """Base of what comes with names of others: Pydantic makes an error of each that it does not
    know, whatever their number."""

    @model_validator(mode="before")
    @classmethod
    def _leave_most_unknown_out(cls, value: Any) -> Any:
        if not isinstance(value, dict) or len(value) <= len(cls.model_fields) + _MOST_UNKNOWN:
            return value
        known = {*cls.model_fields, *(one.alias for one in cls.model_fields.values())}
        unknown = islice((name for name in value if name not in known), _MOST_UNKNOWN)
        kept = {name for name in value if name in known}.union(unknown)
        return {name: one for name, one in value.items() if name in kept}

    @field_validator("*", mode="before")
    @classmethod
    def _check_length(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, list):
            _check_length(cls.model_fields[info.field_name or ""], value)
        return value


class RequestBody(Payload, FewMistakes):
    """Base of what the API is sent: a name that it does not know is refused, not ignored.

    JSON has types of its own: "5" is not a number, and neither "yes" nor 1 is true; in lists and
    objects, too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _check_type(cls, value: Any, info: ValidationInfo) -> Any:
        field = cls.model_fields[info.field_name or ""]
        wanted = _wanted_instead(field.annotation, value)
        if wanted:
            which = "Each of them" if isinstance(value, list | dict) else "It"
            raise ValueError(f"{which} must be {wanted}.")
        return value


def _check_length(field: FieldInfo, value: list[Any]) -> None:
    """Before its items: Pydantic counts those that are right alone."""
    for one in field.metadata:
        at_most = getattr(one, "max_length", None)
        if at_most is not None and len(value) > at_most:
            raise PydanticKnownError(
                "too_long",
                {"field_type": "List", "max_length": at_most, "actual_length": len(value)},
            )


def _wanted_instead(annotation: Any, value: Any) -> str:
    """What has to stand in the place of a value of another type of JSON, in words; else empty."""
    if annotation is bool and not isinstance(value, bool):
        return "true or false"
    if annotation in (int, float) and isinstance(value, bool | str):
        return "a number, without quotation marks"
    return next(filter(None, starmap(_wanted_instead, _parts(annotation, value))), "")


def _parts(annotation: Any, value: Any) -> Iterable[tuple[Any, Any]]:
    """The values that a value holds, each behind its annotation."""
    origin, within = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return [(within[0], value)]
    if origin in (Union, UnionType):
        kinds = [one for one in within if one is not NoneType]
        # Among several others Pydantic takes what fits.
        is_plain = len(kinds) == 1 or all(one in (int, float) for one in kinds)
        return [(kinds[0], value)] if is_plain and value is not None else []
    if origin is dict and isinstance(value, dict):
        return [(within[1], one) for one in value.values()]
    if not within or not isinstance(value, list):
        return []
    if origin is tuple and within[-1] is not ...:
        return zip(within, value, strict=False)
    return [(within[0], one) for one in value]


class Problem(Payload):
    """Why a request was refused or failed (RFC 9457)."""

    type: str = Field(examples=["urn:mediview:problem:not_found"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str = Field(description="What happened, in a sentence.")
    code: str = Field(description="A stable name for programs.", examples=["not_found"])
    remedy: str = Field(description="What to do about it; may be empty.")
    request_id: str = Field("", description="The id under which the node's log tells more.")


class Page(Payload):
    """One page of a list; the `Link` header names the pages around it (RFC 8288)."""

    total: int = Field(description="How many there are on all pages.")
    limit: int
    offset: int


class CursorPage(Page):
    """A page that says where the list goes on, however much is added meanwhile."""

    next_cursor: str | None = Field(
        None, description="`cursor` of the next page; null: this is the last."
    )


class ResultInstance(Payload):
    """A DICOM instance that a job made."""

    kind: str = Field(examples=["SEG", "SR"])
    sop_class_uid: str
    series_instance_uid: str
    sop_instance_uid: str


class CodePayload(Payload):
    """A coded concept (PS3.3 Table 8.8-1)."""

    value: str = Field(examples=["12738006"])
    scheme_designator: str = Field(examples=["SCT"])
    meaning: str = Field(examples=["Brain"])


def code_payload(code: Code) -> CodePayload:
    return CodePayload(
        value=code.value, scheme_designator=code.scheme_designator, meaning=code.meaning
    )


def one_of(names: Collection[str]) -> tuple[AfterValidator, FieldInfo]:
    """For `Annotated[str, *one_of(…)]`: a name of a registry, in the description, too."""

    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"It must be one of {', '.join(names)}.")
        return name

    return AfterValidator(check), Field(json_schema_extra={"enum": list(names)})
