"""Runs of a pipeline over many stored studies, as the API has them."""

from datetime import datetime

from pydantic import Field

from api.base_schemas import CursorPage, Payload, RequestBody
from api.jobs.priority import Priority
from api.request_rules.enum_spelling import RunStateWord, RunStudyStateWord, StudyStateWord
from api.request_rules.text_lengths import CodeString
from api.times import Day, Moment
from inference.retrospective_runs.starting import MOST_AT_ONCE, MOST_STUDIES
from storage.studies.filter import StudyFilter

_TEXT = r"^[^\x00]*$"


class StudyConditions(RequestBody):
    """As the list of studies has them; all that is stated must hold."""

    q: str = Field(
        "",
        max_length=200,
        pattern=_TEXT,
        description="Words to find in patient name and ID, description, accession number"
        " and the start of the study date.",
    )
    state: list[StudyStateWord] = Field([], max_length=8)
    modality: list[CodeString] = Field([], max_length=20, examples=[["CT"]])
    study_date_from: Day | None = None
    study_date_to: Day | None = None
    received_from: Moment | None = None
    received_before: Moment | None = None
    patient_id: str = Field("", max_length=64, pattern=_TEXT)
    accession_number: str = Field("", max_length=16, pattern=_TEXT)

    def filter(self) -> StudyFilter:
        return StudyFilter(
            states=frozenset(self.state),
            modalities=frozenset(self.modality),
            study_date_from=self.study_date_from,
            study_date_to=self.study_date_to,
            received_from=self.received_from,
            received_before=self.received_before,
            patient_id=self.patient_id,
            accession_number=self.accession_number,
        )


class NewRun(RequestBody):
    pipeline: str = Field(
        min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$", examples=["lung-density"]
    )
    studies: StudyConditions = Field(
        description=f"Which studies, {MOST_STUDIES} at most: what matches when the run is started."
    )
    at_once: int = Field(
        2, ge=1, le=MOST_AT_ONCE, description="Of how many studies jobs wait or run at a time."
    )
    priority: Priority = "LOW"
    sends_results: bool = Field(
        False,
        description="Results go to destinations, and reports and alerts are made of them, as of"
        " any other job. Else they stay here.",
    )
    dry_run: bool = Field(False, description="Only say how many studies match.")


class RunCounts(Payload):
    """Its studies by what became of them."""

    waiting: int = 0
    started: int = Field(0, description="Jobs of them wait or run.")
    completed: int = 0
    refused: int = Field(0, description="The pipeline takes nothing of them.")
    failed: int = 0
    cancelled: int = 0


class RunPayload(Payload):
    run_id: str
    pipeline: str
    state: RunStateWord
    studies: StudyConditions = Field(description="The conditions.")
    at_once: int
    priority: int
    sends_results: bool
    started_by: str
    created_at: datetime
    ended_at: datetime | None
    total: int = Field(description="Of studies that are still here.")
    counts: RunCounts


class RunPage(CursorPage):
    items: list[RunPayload]


class RunAnswer(Payload):
    matching: int = Field(description="How many studies match.")
    run: RunPayload | None = Field(description="None of a dry run.")


class RunStudyPayload(Payload):
    study_instance_uid: str
    state: RunStudyStateWord
    job_ids: list[str] = Field(description="Jobs that the run made.")
    reason: str
    updated_at: datetime


class RunStudyPage(CursorPage):
    items: list[RunStudyPayload]
