"""Which earlier studies are fetched from other archives."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from dicom_node.archives.archive import SERIES_KEYWORDS, STUDY_KEYWORDS
from inference.rules.conditions import Condition, ConditionOfArrival, Strict, as_list


class PriorRule(Strict):
    """Earlier studies that are fetched from other archives when a study or an order arrives."""

    name: str = Field(min_length=1, max_length=80)
    enabled: bool = True
    trigger: Annotated[
        tuple[Literal["study", "order"], ...], BeforeValidator(as_list), Field(min_length=1)
    ] = ("study", "order")
    when: ConditionOfArrival | None = None
    """Of a series that arrived, or of an order and its steps."""
    from_: Annotated[tuple[str, ...], BeforeValidator(as_list)] = Field((), alias="from")
    """Names of peers; none: every source."""
    same: Annotated[tuple[Literal["modality", "body_part"], ...], BeforeValidator(as_list)] = (
        "modality",
    )
    """What the earlier study must share with the study or order."""
    which: Condition | None = None
    """Of the earlier study, as the archive describes it."""
    within_days: float | None = Field(None, gt=0, le=36_500)
    at_most: int = Field(3, ge=1, le=50)
    """From each source; the newest first."""
    send_results: bool = False
    """Whether results of the earlier study go to destinations."""
    route: bool = False
    """Whether rules of routing hold for the earlier study."""

    @model_validator(mode="after")
    def _of_answers(self) -> "PriorRule":
        asked = set(self.which.names() if self.which else ())
        unknown = sorted(asked - set(STUDY_KEYWORDS) - set(SERIES_KEYWORDS))
        if unknown:
            raise ValueError(
                f"which asks for {', '.join(unknown)}, which archives are not asked about;"
                f" use {', '.join((*STUDY_KEYWORDS, *SERIES_KEYWORDS))}"
            )
        return self
