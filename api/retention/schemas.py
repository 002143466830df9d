"""What the API says about retention."""

from typing import Literal

from pydantic import AwareDatetime, Field

from api.base_schemas import CursorPage, Page, Payload


class ReasonPayload(Payload):
    kind: str = Field(examples=["delivery"])
    text: str = Field(examples=["3 instances are owed to pacs."])
    owed_to: str = Field(description="The destination or peer that it waits for, or empty.")


class PlannedStudyPayload(Payload):
    study_instance_uid: str
    outcome: Literal["leaves", "leaves_later", "stays"] = Field(
        description="`leaves_later`: within `within_days`, if nothing else comes up."
    )
    leaves_when_short: bool = Field(description="Whether it leaves early if the disk is short now.")
    rule: str | None = Field(description="The first rule that holds for it.")
    leaves_at: AwareDatetime | None = Field(description="When its time is over.")
    last_instance_at: AwareDatetime
    last_used_at: AwareDatetime | None = Field(description="To the hour.")
    instance_count: int
    size_bytes: int
    reasons: list[ReasonPayload] = Field(description="Why it stays now; empty: it leaves.")


class RetentionPlan(Page):
    """All studies, the longest here first."""

    items: list[PlannedStudyPayload]


class BlockedStudies(Payload):
    kind: str = Field(examples=["delivery"])
    owed_to: str = Field(examples=["pacs"])
    studies: int
    size_bytes: int


class QuotaUse(Payload):
    rule: str = Field(examples=["ct scanners"])
    studies: int
    size_bytes: int
    quota_studies: int = Field(description="0: no limit of studies.")
    quota_bytes: int = Field(description="0: no limit of bytes.")
    warn_percent: float = Field(description="From this share on there is a warning.")
    blocked: list[BlockedStudies] = Field(
        description="Studies beyond the quota that have to stay, by the first reason."
    )


class RetentionStatus(Payload):
    """The disk, and what the last round of retention did."""

    free_bytes: int
    disk_bytes: int
    warn_bytes: int = Field(description="Below so much free space there is a warning.")
    evict_bytes: int = Field(description="Below so much, studies leave early.")
    refuse_bytes: int = Field(description="Below so much, nothing is received.")
    filled_bytes_per_day: float | None = Field(description="None: not known yet.")
    full_at: AwareDatetime | None = Field(description="None: it does not fill, or is not known.")
    evictable_bytes: int = Field(
        description="Of studies that rules let go early, whatever still keeps them."
    )
    legal_holds: int
    last_round_at: AwareDatetime | None
    missing_bytes: int = Field(description="What the last round was to free and could not.")
    blocked: list[BlockedStudies] = Field(
        description="Studies that may leave early and have to stay, by the first reason."
    )
    quotas: list[QuotaUse] = Field(description="Of the rules that have some, after the last round.")
    detail: str = Field(description="A warning in sentences; empty: all is well.")


class RemovedStudy(Payload):
    at: AwareDatetime
    study_instance_uid: str
    rule: str
    cause: Literal["time", "disk", "quota"] = Field(
        description="Its time was over, the disk was short, or its rule was beyond its quota."
    )
    instance_count: int
    size_bytes: int


class RemovedStudies(CursorPage):
    """From the audit trail, the newest first."""

    items: list[RemovedStudy]
