"""Shared views as JSON: what the reader shows, and until when the link to it opens."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from api.base_schemas import CursorPage, Payload, RequestBody

Uid = Annotated[str, StringConstraints(pattern=r"^[0-9.]{1,64}$")]
Value = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
Millimetres = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
ValidFor = Literal["hour", "day", "week"]

DURATIONS: dict[ValidFor, timedelta] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}


class SharedWindow(RequestBody):
    """Between which values the grey levels lie."""

    lower: Value
    upper: Value


class SharedViewport(RequestBody):
    """One viewport of the reader: its series, and what of it is shown how."""

    viewport: str = Field(
        max_length=20, pattern=r"^[a-z0-9-]+$", examples=["cell-1"], description="Of the layout."
    )
    series_instance_uid: Uid
    sop_instance_uid: Uid | None = Field(None, description="Of the open image; null in planes.")
    frame_number: int = Field(1, ge=1, le=2**31 - 1)
    center_lps_mm: tuple[Millimetres, Millimetres, Millimetres] | None = Field(
        None, description="What lies in the middle of a plane; null for images."
    )
    window: SharedWindow | None = Field(None, description="null: there is none, as in colour.")
    is_inverted: bool = False


class ViewState(RequestBody):
    """What the reader shows of a study."""

    address: str = Field(
        max_length=8000,
        pattern=r"^[^\x00]*$",
        examples=["study=1.2.3&grid=1x2&series=1.2.4,1.2.5"],
        description="The address of the reader after `?`: the layout, and a series for each part.",
    )
    viewports: list[SharedViewport] = Field(default_factory=list, max_length=12)


class NewSharedView(RequestBody):
    study_instance_uid: Uid
    valid_for: ValidFor
    view: ViewState


class SharedViewSummary(Payload):
    """A link of the caller's that opens now."""

    shared_view_id: str = Field(description="Random; the link carries nothing else.")
    study_instance_uid: str
    created_at: datetime
    expires_at: datetime


class SharedViewPage(CursorPage):
    items: list[SharedViewSummary]


class SharedViewPayload(SharedViewSummary):
    """What the link opens."""

    is_yours: bool
    view: ViewState
