"""What requests and answers are built from: their bases, a refusal, a page, a result, a code.

Keys are DICOM keywords in snake case; times are ISO 8601 in UTC; values of the data set are text
as they stand in it unless a description says otherwise.
"""

from collections.abc import Collection
from types import NoneType
from typing import Any, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo

from storage.core.findings import Code


class Payload(BaseModel):
    """Base of what the API answers."""

    model_config = ConfigDict(frozen=True)


class RequestBody(Payload):
    """Base of what the API is sent: a name that it does not know is refused, not ignored.

    JSON has types of its own: "5" is no number, and neither "yes" nor 1 is true.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _check_type(cls, value: Any, info: ValidationInfo) -> Any:
        annotation = cls.model_fields[info.field_name or ""].annotation
        kinds = {one for one in (get_args(annotation) or (annotation,)) if one is not NoneType}
        if value is None:
            return value
        if kinds == {bool} and not isinstance(value, bool):
            raise ValueError("It must be true or false.")
        if kinds and kinds <= {int, float} and isinstance(value, bool | str):
            raise ValueError("It must be a number, without quotation marks.")
        return value


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
