"""Which events are asked for, alike for the stream and the list."""

from typing import Annotated

from fastapi import Header, Query

from api.errors import MISMATCH_TITLE, ApiProblem
from api.request_rules.text_lengths import ALL_ROLES
from storage.core.entities import EventTopic

_MAX_EVENT_ID = 2**62

After = Annotated[
    int | None,
    Query(ge=0, le=_MAX_EVENT_ID, description="Go on after this event."),
]
LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        description="Resume after this event, by the number that is its `id`; browsers send it.",
    ),
]
EventStudy = Annotated[
    str | None, Query(pattern=r"^[0-9.]{1,64}$", description="Events of this study alone.")
]
EventTypes = Annotated[
    list[EventTopic] | None,
    Query(alias="type", max_length=ALL_ROLES, description="Events of these types; repeatable."),
]
_SHOWN_CHARACTERS = 60


def resume_point(last_event_id: str | None, after: int | None) -> int | None:
    """The number to go on after; None: with what happens next.

    The header wins: a browser that reconnects repeats the URL it began with. One that names no
    event is refused, since a stream from now on would hide what was missed. Raises ApiProblem.
    """
    text = (last_event_id or "").strip()
    if not text:
        return after
    if text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    what = f"'{text[:_SHOWN_CHARACTERS]}' is not the number of an event"
    raise ApiProblem(
        422,
        "validation_failed",
        f"header.Last-Event-ID: {what}.",
        title=MISMATCH_TITLE,
        remedy="Send the `id` of the last event that came, or leave the header out.",
        extra={"errors": [{"where": "header.Last-Event-ID", "what": what}]},
    )
