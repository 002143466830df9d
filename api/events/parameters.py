"""Which events are asked for, alike for the stream and the list."""

from typing import Annotated

from fastapi import Query

from storage.core.entities import EventTopic

_MAX_EVENT_ID = 2**62

After = Annotated[
    int | None,
    Query(ge=0, le=_MAX_EVENT_ID, description="Go on after this event."),
]
EventStudy = Annotated[
    str | None, Query(pattern=r"^[0-9.]{1,64}$", description="Events of this study alone.")
]
EventTypes = Annotated[
    list[EventTopic] | None, Query(alias="type", description="Events of these types; repeatable.")
]
