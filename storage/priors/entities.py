"""Searches for earlier studies, and studies that are fetched from another archive."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

PriorState = Literal["PENDING", "RUNNING", "DONE", "FAILED"]
"""FAILED: given up, until somebody has it tried again."""
PRIOR_STATES: tuple[PriorState, ...] = get_args(PriorState)
SearchCause = Literal["STUDY", "ORDER", "IDENTITY"]
"""IDENTITY: not for studies, but for the other IDs of the patient (IHE PIX)."""
FetchCause = Literal["RULE", "PERSON", "REQUEST"]
"""REQUEST: a workitem names the study as its input, which makes it no prior."""


@dataclass(frozen=True)
class PriorSearch:
    """One source is asked for earlier studies of one patient.

    `subject` is a StudyInstanceUID or the identifier of a worklist item: whose patient it is, is
    read from there when the source is asked. `found`: studies of the patient there; `wanted`:
    those that are fetched for it.
    """

    search_id: str
    cause: SearchCause
    subject: str
    rule: str
    source: str
    state: PriorState
    attempts: int
    next_attempt_at: datetime
    last_error: str
    found: int
    wanted: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class PriorFetch:
    """One study that comes from another archive.

    `label` is the `source` of its instances. `instances_total` is 0 where the archive does not
    say how many there are. Date, description and modalities are as the archive states them.
    """

    study_instance_uid: str
    source: str
    label: str
    cause: FetchCause
    rule: str
    patient_id: str
    issuer_of_patient_id: str
    send_results: bool
    """Whether results of it go to destinations."""
    route: bool
    """Whether the rules of routing hold for it."""
    study_date: str
    study_description: str
    modalities: str
    state: PriorState
    attempts: int
    next_attempt_at: datetime
    last_error: str
    service: str
    instances: int
    instances_total: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class WantedStudy:
    """A study that is to be fetched; members as in `PriorFetch`."""

    study_instance_uid: str
    source: str
    label: str
    cause: FetchCause
    patient_id: str
    issuer_of_patient_id: str
    rule: str = ""
    send_results: bool = False
    route: bool = False
    study_date: str = ""
    study_description: str = ""
    modalities: str = ""
    instances_total: int = 0
