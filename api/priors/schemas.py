"""Earlier studies in other archives as JSON."""

from datetime import datetime

from pydantic import Field

from api.base_schemas import CursorPage, Payload, RequestBody
from api.request_rules.enum_spelling import PriorStateWord
from storage.priors.entities import FetchCause, SearchCause


class PriorFetchPayload(Payload):
    """One study that comes, or came, from another archive."""

    study_instance_uid: str
    source: str = Field(description="Name of the peer that has it.", examples=["archive"])
    cause: FetchCause = Field(
        description="RULE, PERSON: somebody asked for it, or REQUEST: a workitem names it."
    )
    rule: str = Field(description="Name of the rule; empty where a person asked.")
    study_date: str = Field(examples=["20240301"])
    study_description: str
    modalities: str = Field(examples=["CT, SR"])
    state: PriorStateWord = Field(
        description="`failed`: given up, until somebody has it tried again."
    )
    attempts: int
    next_attempt_at: datetime
    last_error: str
    service: str = Field(description="C-GET, C-MOVE or WADO-RS; empty until it is here.")
    instances: int = Field(description="How many have come.")
    instances_total: int = Field(description="0 where the archive does not say.")
    updated_at: datetime


class PriorFetchPage(CursorPage):
    items: list[PriorFetchPayload]


class PriorSearchPayload(Payload):
    """One archive that is asked for earlier studies, on behalf of one study or order."""

    search_id: str
    cause: SearchCause
    subject: str = Field(description="StudyInstanceUID, or the worklist item's id.")
    rule: str
    source: str
    state: PriorStateWord
    attempts: int
    next_attempt_at: datetime
    last_error: str
    found: int = Field(description="Studies that the archive has of the patient.")
    wanted: int = Field(description="How many of them were not here, and are fetched.")
    updated_at: datetime


class PriorSearchPage(CursorPage):
    items: list[PriorSearchPayload]


class RetriedPriors(Payload):
    searches: int
    studies: int


class ElsewhereStudy(Payload):
    study_instance_uid: str
    source: str = Field(examples=["archive"])
    study_date: str
    study_description: str
    modalities: list[str]
    instance_count: int = Field(description="0 where the archive does not say.")
    fetch: PriorFetchPayload | None = Field(
        description="How far it is; null: nobody has asked for it."
    )


class ElsewhereFailure(Payload):
    source: str
    sentence: str


class ElsewherePayload(Payload):
    items: list[ElsewhereStudy]
    failures: list[ElsewhereFailure] = Field(description="Archives that could not be asked.")


class FetchFrom(RequestBody):
    """Which archive a study is fetched from."""

    source: str = Field(min_length=1, max_length=80, examples=["archive"])
