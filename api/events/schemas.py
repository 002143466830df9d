"""Changes of the node as the API lists them."""

from typing import Any

from pydantic import AwareDatetime, Field

from api.base_schemas import Payload
from storage.core.entities import EventTopic


class Change(Payload):
    """Something that happened: what to read again, and where it stands since."""

    event_id: int = Field(description="Rises with each change; changes without one are nobody's.")
    type: EventTopic
    at: AwareDatetime
    study_instance_uid: str = Field(description="Empty where it is about no study.")
    job_id: str | None = None
    state: str = Field("", description="Of a job, delivery, report, upload, alert or model.")
    change: str = Field("", description="Of a study, report or alert: what was done.")
    data: dict[str, Any] = Field(
        description="As in the stream of events: identifiers such as `series_instance_uid`,"
        " `report_id`, `finding_id` or `destination`, and words. Nobody's name."
    )


class ChangePage(Payload):
    """Changes in their order, the oldest first."""

    items: list[Change]
    next_after: int = Field(description="Ask with `after` of this for what follows.")
    has_more: bool = Field(description="More changes are there already.")
