"""An item of the worklist."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from storage import tables as t
from storage.core.accession_issuers import AccessionIssuer
from storage.db.keyset import Keyset, SortColumn

WorklistState = Literal["SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"]
WORKLIST_STATES: tuple[WorklistState, ...] = get_args(WorklistState)
OPEN_STATES: tuple[WorklistState, ...] = ("SCHEDULED", "IN PROGRESS")


@dataclass(frozen=True)
class WorklistItem:
    """One requested procedure with its scheduled steps.

    `attributes` maps keywords to values as DICOM writes them, and sequences to lists of
    such maps: {"PatientName": "A^B", "ScheduledProcedureStepSequence": [{…}]}.
    """

    worklist_item_id: str
    state: WorklistState
    study_instance_uid: str
    accession_number: str
    start: str
    """Earliest start of its steps: date and time without separators, '' when unknown."""
    attributes: dict[str, Any]
    priors_asked_at: datetime | None
    """As it was then, the rules of priors were asked about it."""
    ordered_at: datetime | None
    """When the newest HL7 order about it was made."""
    created_at: datetime
    updated_at: datetime
    size_bytes: int = 0
    sent_by: str = ""
    orderer_groups: str | None = None
    accession_number_namespace: str = ""
    accession_number_system: str = ""

    @property
    def accession_issuer(self) -> AccessionIssuer:
        return AccessionIssuer(self.accession_number_namespace, self.accession_number_system)


NEXT_TO_START = Keyset[WorklistItem](
    "worklist",
    (
        SortColumn.of(t.worklist_item.c.start),
        SortColumn.of(t.worklist_item.c.worklist_item_id),
    ),
)
