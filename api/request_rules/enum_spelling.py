"""Words of lists, and states above all, which have one spelling in all that the API says.

Requests may spell them freely: `IN PROGRESS`, `in-progress` and `in_progress` are one. DICOM's own
words for states are given in DICOM alone (UPS-RS, DIMSE).
"""

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from storage.core.entities import DeliveryState, JobStatus, SeriesState, StudyState, UploadState
from storage.core.state_words import state_word
from storage.priors.entities import PriorState
from storage.projects.entities import ExportState
from storage.reports.critical_alerts import AlertState
from storage.reports.hl7_entities import Hl7State
from storage.retrospective_runs.entities import RunState, RunStudyState
from storage.webhooks.entities import NoticeState
from storage.worklist.entities import WorklistState


def spelled_freely(kind: Any) -> BeforeValidator:
    """For `Annotated[Literal[…], …]`; what is none of its words is left as it is, to be refused."""
    words = _words(kind)

    def read(value: Any) -> Any:
        return words.get(state_word(value), value) if isinstance(value, str) else value

    return BeforeValidator(read)


def state_of(
    kind: Any, former: Mapping[str, str] | None = None
) -> tuple[BeforeValidator, PlainSerializer, WithJsonSchema]:
    """For `Annotated[Literal[…], *state_of(…)]`: in JSON and its schema it is `in_progress`.

    `former`: words that are not described any more, and what they mean.
    """
    words = _words(kind)
    known = words | dict(former or {})

    def read(value: Any) -> Any:
        found = known.get(state_word(value)) if isinstance(value, str) else None
        if found is None:
            raise ValueError(f"It must be one of {', '.join(words)}.")
        return found

    return (
        BeforeValidator(read),
        PlainSerializer(state_word, return_type=str, when_used="json"),
        WithJsonSchema({"type": "string", "enum": list(words)}),
    )


def _words(kind: Any) -> dict[str, str]:
    return {state_word(word): word for word in get_args(kind) if isinstance(word, str)}


StudyStateWord = Annotated[StudyState, *state_of(StudyState)]
SeriesStateWord = Annotated[SeriesState, *state_of(SeriesState)]
JobStateWord = Annotated[JobStatus, *state_of(JobStatus)]
DeliveryStateWord = Annotated[DeliveryState, *state_of(DeliveryState, {"held": "CONFIRMED"})]
UploadStateWord = Annotated[UploadState, *state_of(UploadState)]
AlertStateWord = Annotated[AlertState, *state_of(AlertState)]
Hl7StateWord = Annotated[Hl7State, *state_of(Hl7State)]
NoticeStateWord = Annotated[NoticeState, *state_of(NoticeState)]
RunStateWord = Annotated[RunState, *state_of(RunState)]
RunStudyStateWord = Annotated[RunStudyState, *state_of(RunStudyState)]
PriorStateWord = Annotated[PriorState, *state_of(PriorState)]
ExportStateWord = Annotated[ExportState, *state_of(ExportState)]
WorklistStateWord = Annotated[WorklistState, *state_of(WorklistState)]
