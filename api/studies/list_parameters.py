"""What a list of studies may be asked for."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.request_rules.enum_spelling import StudyStateWord, spelled_freely
from api.request_rules.text_lengths import CodeString
from api.times import Day, Moment
from storage.core.callers.identity import Identity
from storage.core.entities import Study
from storage.db.keyset import Keyset
from storage.studies.filter import SORT_KEYS, SortKey, StudyFilter, study_order

_Report = Literal["draft", "preliminary", "final", "amended", "none"]
_Order = Literal["asc", "desc"]
_Reader = Literal["me", "none"]
_TEXT = r"^[^\x00]*$"


class StudyQuery(BaseModel):
    """Conditions that a study must meet, all of them."""

    model_config = ConfigDict(frozen=True)

    q: str = Field(
        "",
        max_length=200,
        pattern=_TEXT,
        description="Words to find in patient name and ID, description, accession number"
        " and the start of the study date.",
    )
    state: list[StudyStateWord] = Field(
        [], max_length=8, description="In one of these states.", examples=[["running", "queued"]]
    )
    modality: list[CodeString] = Field(
        [], max_length=20, description="With a series of one of these.", examples=[["MR"]]
    )
    report: list[Annotated[_Report, spelled_freely(_Report)]] = Field(
        [], max_length=5, description="With a report in one of these states, or with none."
    )
    critical: bool = Field(
        False, description="With a critical finding that nobody has acknowledged."
    )
    awaiting_release: bool = Field(
        False, description="With results that leave once a person has accepted them."
    )
    reader: list[Annotated[_Reader, spelled_freely(_Reader)]] = Field(
        [], max_length=2, description="`me`: the caller reads it; `none`: nobody does."
    )
    study_date_from: Day | None = Field(None, description="On this day or later.")
    study_date_to: Day | None = Field(None, description="On this day or earlier.")
    received_from: Moment | None = Field(None, description="First instance since then.")
    received_before: Moment | None = None
    updated_since: Moment | None = Field(
        None,
        description="Instances, series, jobs, findings, reports, deliveries or access changed"
        " since then; all but instances within the retention of events.",
    )
    patient_id: str = Field("", max_length=64, pattern=_TEXT)
    accession_number: str = Field("", max_length=16, pattern=_TEXT)
    sort: Annotated[SortKey, spelled_freely(SortKey)] = "received_at"
    order: Annotated[_Order, spelled_freely(_Order)] | None = Field(
        None, description="Default: times and dates fall, and names rise."
    )

    def filter(self, caller: Identity) -> StudyFilter:
        return StudyFilter(
            states=frozenset(self.state),
            modalities=frozenset(self.modality),
            reports=frozenset(self.report),
            is_critical=self.critical,
            awaits_release=self.awaiting_release,
            reader_ids=frozenset(caller.id if one == "me" else "" for one in self.reader),
            study_date_from=self.study_date_from,
            study_date_to=self.study_date_to,
            received_from=self.received_from,
            received_before=self.received_before,
            patient_id=self.patient_id,
            accession_number=self.accession_number,
            updated_since=self.updated_since,
        )

    def sorting(self) -> Keyset[Study]:
        falls = self.sort in SORT_KEYS[:3] if self.order is None else self.order == "desc"
        return study_order(self.sort, descending=falls)
