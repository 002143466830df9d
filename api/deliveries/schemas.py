"""Results on their way to their destinations."""

from datetime import datetime

from pydantic import Field

from api.base_schemas import CursorPage, Payload
from api.request_rules.enum_spelling import DeliveryStateWord
from storage.core.entities import DeliveryCause


class DeliveryPayload(Payload):
    """One result on its way to one destination. CONFIRMED: the destination proved it has it.
    AWAITING_RELEASE: it leaves once a person has accepted it. WITHHELD: a person did not.
    REFUSED: the destination would refuse the same again; POST /api/deliveries/retry has it tried.
    CANCELLED: the instance was rejected, as `last_error` says.
    """

    delivery_id: str
    destination: str = Field(examples=["pacs"])
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    state: DeliveryStateWord
    attempts: int
    next_attempt_at: datetime
    last_error: str
    job_id: str | None
    cause: DeliveryCause = Field(
        description="A result that the destination gets; received instances that a rule of"
        " routing or a person sends on."
    )
    rule: str = Field(description="The rule of routing that wanted it; empty where none did.")
    sent_at: datetime | None = Field(description="When the destination answered success.")
    waits_until: datetime | None = Field(
        description="When the hours of its rule begin, for which it waits."
    )
    note: str = Field(
        description="By which rule it waits, or what was otherwise about the sending than the rule"
        " says.",
        examples=["The rule 'at night' sends in these hours: 20:00-06:00."],
    )
    created_at: datetime
    updated_at: datetime


class DeliveryPage(CursorPage):
    items: list[DeliveryPayload]


class Retried(Payload):
    count: int = Field(description="How many go now.")
